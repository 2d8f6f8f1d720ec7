// What a doctor says: findings, each one line and what to do about it.

export type FindingState =
  | "ok"
  | "warning"
  | "problem"
  /** Could not be tried; the text says why. */
  | "not-tested";

export interface Finding {
  /** What it is about: `kernel`, `clock`, `network` ... Stable. */
  readonly area: Area;
  /** Stable, for scripts; the same code whatever the state. */
  readonly code: string;
  readonly state: FindingState;
  /** One sentence. */
  readonly text: string;
  /** What to do; null: nothing. */
  readonly advice: string | null;
}

/** In the order in which they are shown. */
export const AREAS = [
  "configuration",
  "rights",
  "kernel",
  "clock",
  "state",
  "network",
  "traffic",
  "watchdog",
  "fencing",
  "host",
] as const;
export type Area = (typeof AREAS)[number];

/** What an area's findings are made with. */
export interface Findings {
  ok(code: string, text: string): Finding;
  warning(code: string, text: string, advice: string): Finding;
  problem(code: string, text: string, advice: string): Finding;
  untested(code: string, text: string, advice?: string): Finding;
}

export function findingsOf(area: Area): Findings {
  return {
    ok: (code, text) => ({ area, code, state: "ok", text, advice: null }),
    warning: (code, text, advice) => ({ area, code, state: "warning", text, advice }),
    problem: (code, text, advice) => ({ area, code, state: "problem", text, advice }),
    untested: (code, text, advice) => ({ area, code, state: "not-tested", text, advice: advice ?? null }),
  };
}

/** A user who is not root is refused what the daemon may do: that says nothing, so it was not tested. */
export function asUser(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) =>
    finding.state !== "ok" && REFUSED.test(finding.text)
      ? { ...finding, state: "not-tested", advice: "run it as root" }
      : finding,
  );
}
const REFUSED = /\b(EPERM|EACCES|may not be read)\b/;

export interface Verdict {
  /** The exit code: 0 all that was tested is ok, 1 warnings, 2 problems. */
  readonly exit: 0 | 1 | 2;
  /** One sentence. */
  readonly sentence: string;
  readonly counts: Readonly<Record<FindingState, number>>;
}

export function judgeAll(findings: readonly Finding[]): Verdict {
  const count = (state: FindingState) => findings.filter((each) => each.state === state).length;
  const counts = {
    ok: count("ok"),
    warning: count("warning"),
    problem: count("problem"),
    "not-tested": count("not-tested"),
  };
  const exit = counts.problem > 0 ? 2 : counts.warning > 0 ? 1 : 0;
  const parts = [
    plural(counts.problem, "problem"),
    plural(counts.warning, "warning"),
    counts["not-tested"] === 0 ? "" : `${counts["not-tested"]} not tested`,
    `${counts.ok} ok`,
  ].filter((part) => part !== "");
  const head = {
    0: "This host keeps what understudy assumes",
    1: "Look at this host",
    2: "This host is not fit",
  };
  return { exit, sentence: `${head[exit]}: ${parts.join(", ")}.`, counts };
}

const plural = (number: number, one: string): string =>
  number === 0 ? "" : `${number} ${one}${number === 1 ? "" : "s"}`;

/** One block of lines per finding: the finding, and indented what to do. Areas in their order. */
export function formatFindings(findings: readonly Finding[], verdict: Verdict): string {
  const sorted = AREAS.flatMap((area) => findings.filter((each) => each.area === area));
  const lines = sorted.flatMap(({ area, state, text, advice }) => {
    const head = `${LABEL[state].padEnd(LABEL_WIDTH)}  ${area.padEnd(AREA_WIDTH)}  `;
    const next = advice === null ? [] : [`${" ".repeat(head.length)}-> ${advice}`];
    return [`${head}${text}`, ...next];
  });
  return [...lines, "", verdict.sentence].join("\n");
}

const LABEL = {
  ok: "ok",
  warning: "warning",
  problem: "PROBLEM",
  "not-tested": "not tested",
} as const satisfies Record<FindingState, string>;
const LABEL_WIDTH = Math.max(...Object.values(LABEL).map((label) => label.length));
const AREA_WIDTH = Math.max(...AREAS.map((area) => area.length));
