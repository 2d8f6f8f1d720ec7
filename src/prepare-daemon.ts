// What a daemon needs before it starts: a right configuration, its own name in it, the cluster key, a state
// directory of its own, and the number of its life. Whatever is missing is said in a sentence.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker as Thread } from "node:worker_threads";
import { DEFAULT_STATE_DIR, type UpOptions } from "#cli/command.ts";
import { EXIT } from "#cli/exit.ts";
import { findMember } from "#cli/member.ts";
import { readClusterKey } from "#drivers/datagrams/key.ts";
import { lockDirectory } from "#drivers/store/lock.ts";
import { openStore } from "#drivers/store/store.ts";
import type { Config } from "#model/config.ts";
import type { NodeId } from "#model/ids.ts";
import type { StorePort } from "#ports/store.ts";
import type { ConfigAnswer } from "./config-thread.ts";

/** What the start needs beside the command line. */
export interface Prepared {
  readonly config: Config;
  readonly self: NodeId;
  readonly key: Uint8Array;
  readonly stateDir: string;
  readonly store: StorePort;
  readonly boot: number;
  readonly kernelBoot: string;
  readonly unlock: () => void;
}

export interface Refusal {
  readonly code: number;
  readonly text: string;
}

/** Name of the document that counts this member's lives. */
const BOOT_DOCUMENT = "boot";
/** A UUID that the kernel draws at each boot, see random(4). */
const KERNEL_BOOT = "/proc/sys/kernel/random/boot_id";

export async function prepareDaemon(options: UpOptions): Promise<Prepared | Refusal> {
  const read = await readConfig(options.configFile);
  if ("code" in read) return read;
  const { config } = read;
  const found = findMember(config, options);
  if (found.kind === "failed") return { code: found.code, text: `understudy: ${found.text}` };
  const self = found.node;
  if (process.getuid?.() !== 0 && options.role === "node") {
    const text = "understudy: up needs root: it adds addresses to devices and guards them with nftables";
    return { code: EXIT.notAllowed, text };
  }
  const stateDir = options.stateDir ?? join(DEFAULT_STATE_DIR, self);
  const key = readClusterKey(config.keyFile);
  if (key.kind === "problem") return failed(key.problem);
  const lock = lockDirectory(stateDir, `understudy ${self}`);
  if (lock.kind === "refused") return failed(lock.problem);
  const opened = openStore(stateDir);
  if (opened.kind === "failed") return failed(opened.problem);
  const boot = nextBoot(opened.store);
  if (typeof boot !== "number") return boot;
  return {
    config,
    self,
    key: key.key,
    stateDir,
    store: opened.store,
    boot,
    kernelBoot: kernelBoot(),
    unlock: lock.release,
  };
}

/** The configuration, read in a thread of its own; see there. Warnings go to stderr. */
export function readConfig(file: string): Promise<{ readonly config: Config } | Refusal> {
  const thread = new Thread(threadFile("config-thread"), { workerData: file });
  return new Promise((resolve) => {
    thread.once("message", (answer: ConfigAnswer) => {
      if (answer.kind === "failed") return resolve({ code: answer.code, text: answer.text });
      if (answer.warnings !== "") process.stderr.write(`${answer.warnings}\n`);
      resolve({ config: answer.config });
    });
    thread.once("error", (error) => resolve(failed(`the configuration cannot be checked: ${error.message}`)));
  });
}

/** Threads have the extension of this file: .ts in a checkout, .js in dist. */
export function threadFile(name: string): URL {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  return new URL(`./${name}${extension}`, import.meta.url);
}

/** Larger than in every life before: counted on disk, and ahead of a lost count by the date. */
function nextBoot(store: StorePort): number | Refusal {
  const read = store.read(BOOT_DOCUMENT);
  if (read.kind === "damaged" || read.kind === "failed") return failed(read.problem);
  const last = read.kind === "found" ? Number(read.text) : 0;
  const boot = Math.max(last + 1, Date.now());
  const written = store.writeSync(BOOT_DOCUMENT, String(boot));
  if (written.kind === "done") return boot;
  return failed(written.kind === "failed" ? written.problem : "the disk does not answer");
}

const failed = (problem: string): Refusal => ({ code: EXIT.failed, text: `understudy: ${problem}` });

/** Without it no boot is the same as another: nothing is resumed then. */
function kernelBoot(): string {
  try {
    return readFileSync(KERNEL_BOOT, "utf8").trim();
  } catch {
    return `unknown at ${Date.now()}`;
  }
}
