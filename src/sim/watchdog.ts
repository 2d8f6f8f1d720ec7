// A host's watchdog: it resets the host when it was not fed for its timeout, whatever the daemon is doing.

import type { Ms } from "#model/units.ts";
import type { WatchdogArmed, WatchdogPort } from "#ports/watchdog.ts";
import type { HostClock } from "./clock.ts";
import type { World } from "./world.ts";

export interface WatchdogSetting {
  readonly world: World;
  readonly clock: HostClock;
  readonly timeout: Ms;
  readonly fire: () => void;
}

export class Watchdog implements WatchdogPort {
  readonly #setting: WatchdogSetting;
  /** Counts feeds: a look whose feed is not the newest does nothing. Null: not armed. */
  #fed: number | null = null;
  #feeds = 0;

  constructor(setting: WatchdogSetting) {
    this.#setting = setting;
  }

  arm(): WatchdogArmed {
    this.#feed();
    return { kind: "armed", timeout: this.#setting.timeout, identity: "simulated" };
  }

  feed(): boolean {
    if (this.#fed === null) return false;
    this.#feed();
    return true;
  }

  disarm(): boolean {
    this.#fed = null;
    return true;
  }

  powerLost(): void {
    this.#fed = null;
  }

  /** Hardware counts true time. */
  #feed(): void {
    this.#feeds += 1;
    const feed = this.#feeds;
    this.#fed = feed;
    const { world, timeout, fire } = this.#setting;
    world.after(timeout, () => {
      if (this.#fed !== feed) return;
      this.#fed = null;
      fire();
    });
  }
}
