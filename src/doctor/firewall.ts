// Finds rules that may drop what members say to each other, in what `nft -j list ruleset` and `iptables-save` print.
//
// No packet filter is rebuilt here: whether datagrams pass is tried for real. This only points at what may be why
// not, so a rule with conditions beyond ports counts all the same.

import type { FirewallRule } from "#ports/host.ts";

type Json = Readonly<Record<string, unknown>>;

/** `ports`: UDP ports that must pass. Own tables (`understudy...`) are left out. Never throws. */
export function readNftables(text: string, ports: readonly number[]): readonly FirewallRule[] {
  const entries = parseEntries(text);
  const chains = entries.flatMap(({ chain }) => (isObject(chain) ? [chain] : [])).filter(isForeign);
  const rules = entries.flatMap(({ rule }) => (isObject(rule) ? [rule] : [])).filter(isForeign);
  return chains.flatMap((chain) => {
    const hook = hookOf(chain.hook);
    if (hook === null) return [];
    const own = rules.filter((rule) => isIn(rule, chain));
    const called = own.flatMap((rule) => chainsCalled(rule));
    const behind = rules.filter(
      (rule) =>
        rule.table === chain.table && rule.family === chain.family && called.includes(String(rule.chain)),
    );
    const found = [...own, ...behind].flatMap((rule) => judgeRule(rule, hook, ports));
    return [...found, ...policyOf(chain, hook)];
  });
}

function parseEntries(text: string): readonly Json[] {
  try {
    const value: unknown = JSON.parse(text);
    const list = isObject(value) ? value.nftables : null;
    return Array.isArray(list) ? list.filter(isObject) : [];
  } catch {
    return [];
  }
}

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
const isForeign = ({ table }: Json): boolean => !String(table).startsWith("understudy");
const isIn = (rule: Json, chain: Json): boolean =>
  rule.family === chain.family && rule.table === chain.table && rule.chain === chain.name;

function hookOf(hook: unknown): FirewallRule["hook"] | null {
  if (hook === "input" || hook === "prerouting" || hook === "ingress") return "input";
  return hook === "output" || hook === "postrouting" ? "output" : null;
}

function expressionsOf({ expr }: Json): readonly Json[] {
  return Array.isArray(expr) ? expr.filter(isObject) : [];
}

function chainsCalled(rule: Json): readonly string[] {
  return expressionsOf(rule).flatMap(({ jump, goto }) =>
    [jump, goto].flatMap((each) => (isObject(each) ? [String(each.target)] : [])),
  );
}

function judgeRule(
  rule: Json,
  hook: FirewallRule["hook"],
  ports: readonly number[],
): readonly FirewallRule[] {
  const expressions = expressionsOf(rule);
  if (!expressions.some((each) => "drop" in each || "reject" in each)) return [];
  const matches = expressions.flatMap(({ match }) => (isObject(match) ? [match] : []));
  // Another protocol's rule.
  if (matches.some((match) => isOtherProtocol(match))) return [];
  const named = matches.filter(({ left }) => fieldOf(left) === "dport");
  const where = `${rule.family} ${rule.table} ${rule.chain}, handle ${rule.handle}`;
  if (named.length === 0) return [{ hook, ports: null, text: `nft: a drop in ${where}`, vague: true }];
  const concerned = ports.filter((port) =>
    named.every(({ right, op }) => holds(right, port) !== (op === "!=")),
  );
  if (concerned.length === 0) return [];
  return [
    { hook, ports: concerned, text: `nft: a drop of UDP ${concerned.join(", ")} in ${where}`, vague: false },
  ];
}

function fieldOf(left: unknown): string | null {
  if (!isObject(left) || !isObject(left.payload)) return null;
  return String(left.payload.field);
}

function isOtherProtocol({ left, right, op }: Json): boolean {
  const isTransport = isObject(left) && isObject(left.payload) && fieldOf(left) === "dport";
  if (isTransport && isObject(left.payload)) return !["udp", "th"].includes(String(left.payload.protocol));
  const isProtocol =
    (isObject(left) && isObject(left.meta) && left.meta.key === "l4proto") || fieldOf(left) === "protocol";
  return isProtocol && op !== "!=" && right !== "udp" && right !== 17;
}

/** Is the port the value, or in the set or range? */
function holds(right: unknown, port: number): boolean {
  if (typeof right === "number") return right === port;
  if (Array.isArray(right)) return right.some((each) => holds(each, port));
  if (!isObject(right)) return false;
  if (Array.isArray(right.range)) return port >= Number(right.range[0]) && port <= Number(right.range[1]);
  return holds(right.set, port);
}

function policyOf(chain: Json, hook: FirewallRule["hook"]): readonly FirewallRule[] {
  if (chain.policy !== "drop") return [];
  const text = `nft: the policy of ${chain.family} ${chain.table} ${chain.name} is drop`;
  return [{ hook, ports: null, text, vague: true }];
}

/** What `iptables-save` or `ip6tables-save` prints; only for old iptables, whose rules nft does not list. */
export function readIptables(text: string, ports: readonly number[]): readonly FirewallRule[] {
  return text.split("\n").flatMap((line) => judgeLine(line.trim(), ports));
}

function judgeLine(line: string, ports: readonly number[]): readonly FirewallRule[] {
  const policy = /^:(INPUT|OUTPUT) DROP\b/.exec(line);
  if (policy !== null) {
    const hook = policy[1] === "INPUT" ? "input" : "output";
    return [{ hook, ports: null, text: `iptables: the policy of ${policy[1]} is DROP`, vague: true }];
  }
  const rule = /^-A (INPUT|OUTPUT) .*-j (DROP|REJECT)\b/.exec(line);
  if (rule === null || /-p (?!udp\b|all\b)\S/.test(line)) return [];
  const hook = rule[1] === "INPUT" ? "input" : "output";
  const named = /--dports? (\S+)/.exec(line)?.[1];
  if (named === undefined) return [{ hook, ports: null, text: `iptables: ${line}`, vague: true }];
  const concerned = ports.filter((port) => named.split(",").some((part) => isPort(part, port)));
  return concerned.length === 0 ? [] : [{ hook, ports: concerned, text: `iptables: ${line}`, vague: false }];
}

function isPort(part: string, port: number): boolean {
  const [from = "", to = from] = part.split(":");
  return port >= Number(from) && port <= Number(to);
}
