// Looks again and again at what the nodes themselves hold: on how many of them is the floating address live?
import { type Cluster, FLOATING } from "../cluster.ts";
import { run } from "../shell.ts";
import { hostOf } from "../world.ts";

export type HolderWatch = {
  /** Looks so far, and those that found the address live on two nodes at one moment. */
  readonly counts: () => { readonly looks: number; readonly twice: number };
  readonly stop: () => void;
};

const EVERY_MS = 250;
const LOOK_WITHIN_MS = 2_000;

export function watchHolders(cluster: Cluster): HolderWatch {
  let looks = 0;
  let twice = 0;
  let timer: NodeJS.Timeout | null = null;
  let hasEnded = false;
  const look = async () => {
    const isTwice = await isLiveTwice(cluster).catch(() => false);
    looks += 1;
    if (isTwice) twice += 1;
    if (!hasEnded) timer = setTimeout(look, EVERY_MS).unref();
  };
  timer = setTimeout(look, EVERY_MS).unref();
  return {
    counts: () => ({ looks, twice }),
    stop: () => {
      hasEnded = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

/**
 * No two nodes can be looked at in one instant. So one is looked at before and after the other: live on both
 * sides of a moment in which the other one is live too.
 */
async function isLiveTwice(cluster: Cluster): Promise<boolean> {
  const [a, b] = cluster.nodes;
  if (a === undefined || b === undefined) return false;
  // Cheap, and nearly always the end of it.
  if (!(await hasAddress(cluster, a)) || !(await hasAddress(cluster, b))) return false;
  return (await isLive(cluster, a)) && (await isLive(cluster, b)) && (await isLive(cluster, a));
}

async function hasAddress({ world }: Cluster, node: string): Promise<boolean> {
  const { namespace } = hostOf(world, node);
  const words = ["ip", "-n", namespace, "-o", "-4", "address", "show", "to", `${FLOATING}/32`, "up"];
  const { stdout } = await run(words, { timeoutMs: LOOK_WITHIN_MS });
  return stdout.trim() !== "";
}

/** On a device, and no guard forbids it: none stands, or it has an entry that has not ended. */
export async function isLive(cluster: Cluster, node: string): Promise<boolean> {
  if (!(await hasAddress(cluster, node))) return false;
  const { namespace } = hostOf(cluster.world, node);
  const list = (set: readonly string[]) =>
    run(["ip", "netns", "exec", namespace, "nft", "list", "set", ...set], { timeoutMs: LOOK_WITHIN_MS });
  const open = await list(["inet", "understudy", "open4"]);
  return open.code !== 0 || open.stdout.includes(FLOATING);
}
