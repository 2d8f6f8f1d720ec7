// Runs in the guest: arms its watchdog, feeds it for so long, ends it in good order, and tells each answer.
//
//   node feeder.ts FOR_MS TIMEOUT_MS

import { createWatchdog } from "#drivers/watchdog/watchdog.ts";
import { ms } from "#model/units.ts";

export type Told = {
  readonly armed: ReturnType<ReturnType<typeof createWatchdog>["arm"]>;
  /** What a second one is told while the first is open. */
  readonly second: Told["armed"];
  /** Whether every feeding was taken. */
  readonly fed: boolean;
  readonly disarmed: boolean;
};

const DEVICE = "/dev/watchdog";
const EVERY_MS = 250;
const [forMs = "0", timeout = "0"] = process.argv.slice(2);

const watchdog = createWatchdog({ device: DEVICE, timeout: ms(Number(timeout)) });
const armed = watchdog.arm();
const second = createWatchdog({ device: DEVICE, timeout: ms(Number(timeout)) }).arm();
console.error("armed");
let fed = true;
for (let left = Number(forMs); left > 0; left -= EVERY_MS) {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  fed = watchdog.feed() && fed;
}
const told: Told = { armed, second, fed, disarmed: watchdog.disarm() };
console.log(JSON.stringify(told));
