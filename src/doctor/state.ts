// Judges the state directory: a voter that forgets what it promised breaks the lease rule.

import type { DirectoryFacts } from "#ports/host.ts";
import { type Finding, findingsOf } from "./finding.ts";

const state = findingsOf("state");
/** Gone after a reboot. */
const VOLATILE = new Set(["tmpfs", "ramfs", "devtmpfs"]);
/** May answer late or never, or lose what was acknowledged. */
const REMOTE = new Set(["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs"]);
/** Bytes: two journal files of 8 MiB, and room. */
const NEEDED = 32 * 1024 * 1024;
/** Milliseconds: a vote waits for the disk. */
const SLOW = 250;

export function judgeState(facts: DirectoryFacts): readonly Finding[] {
  return [judgeFileSystem(facts), judgeDisk(facts), judgeSpace(facts)];
}

function judgeFileSystem({ path, fileSystem }: DirectoryFacts): Finding {
  const advice = "put the state directory on a local disk (--state-dir)";
  if (VOLATILE.has(fileSystem)) {
    return state.problem(
      "file-system",
      `${path} is on ${fileSystem}: terms and promises would be lost at a reboot`,
      advice,
    );
  }
  if (REMOTE.has(fileSystem)) {
    return state.problem(
      "file-system",
      `${path} is on ${fileSystem}, over the network: votes would wait for it`,
      advice,
    );
  }
  if (fileSystem === "overlay") {
    return state.warning(
      "file-system",
      `${path} is on overlay: gone with the container`,
      "mount a volume there",
    );
  }
  return state.ok("file-system", `${path} is on ${fileSystem}`);
}

function judgeDisk({ path, exists, problem, took }: DirectoryFacts): Finding {
  if (problem !== null) return state.problem("writable", problem, "the daemon does not start without it");
  const there = exists ? "" : " (made at the first start; tried in the folder above)";
  const text = `${path} takes a file and forces it to disk in ${took.toFixed(1)} ms${there}`;
  if (took <= SLOW) return state.ok("writable", text);
  return state.warning("writable", text, "a vote waits this long: use a faster disk, or a longer lease");
}

function judgeSpace({ path, freeBytes }: DirectoryFacts): Finding {
  const free = `${Math.floor(freeBytes / 1024 / 1024)} MiB are free at ${path}`;
  if (freeBytes >= NEEDED) return state.ok("space", free);
  return state.warning("space", free, `free some: ${NEEDED / 1024 / 1024} MiB are enough`);
}
