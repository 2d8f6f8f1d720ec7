// What the firewalls of this host say, as their own programs print it; nothing where they are not installed.

import { execFile } from "node:child_process";

const DEADLINE = 5_000;
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A user's PATH often leaves these out. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Rulesets {
  /** `nft -j list ruleset`; null: not installed, or it failed. */
  readonly nft: string | null;
  /** `iptables-legacy-save` and `ip6tables-legacy-save`: the rules of iptables itself are nftables today. */
  readonly iptables: readonly string[];
}

export async function readRulesets(): Promise<Rulesets> {
  const [nft, ...iptables] = await Promise.all([
    print("nft", ["-j", "list", "ruleset"]),
    print("iptables-legacy-save", []),
    print("ip6tables-legacy-save", []),
  ]);
  return { nft: nft ?? null, iptables: iptables.filter((text) => text !== null) };
}

function print(program: string, args: readonly string[]): Promise<string | null> {
  const options = { timeout: DEADLINE, maxBuffer: OUTPUT_LIMIT, env: { PATH, LANG: "C" } };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout : null));
  });
}
