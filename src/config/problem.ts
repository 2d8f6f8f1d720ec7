// What is wrong with a configuration, where, and what to do about it; and how that is shown to people.

/** Keys and indexes from the top of the document. */
export type Path = readonly (string | number)[];

/** What a judge of the configuration finds, before it is known where in the text that is. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is meant or its value. */
  readonly at: "key" | "value";
  readonly kind: FindingKind;
  readonly message: string;
  readonly hint: string | null;
}

export type FindingKind =
  | "wrong"
  /** A key that must be there is not; `path` is the map that lacks it. */
  | "missing"
  /** Planned, but not in this version. */
  | "later";

/** One complaint about the text. Lines and columns count from 1, columns in characters. */
export interface Problem {
  /** As in `services.www.place[1]`; empty for the file as a whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** How many characters from `column` on are meant; at least 1, all in that line. */
  readonly length: number;
  readonly message: string;
  readonly hint: string | null;
}

/** `services.www.place[1]`; keys that are no plain words are quoted. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** By position; what is said twice about one place is said once. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>();
  return [...problems]
    .sort(
      (a, b) => a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
    )
    .filter((problem) => {
      const key = `${problem.line}:${problem.column}:${problem.path}:${problem.message}`;
      const isNew = !seen.has(key);
      seen.add(key);
      return isNew;
    });
}

/** All problems as text, each with its line of the file, a caret and its hint; blank lines between them. */
export function formatProblems(problems: readonly Problem[], text: string, file: string): string {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  return problems.map((problem) => formatProblem(problem, lines, file)).join("\n\n");
}

/** How many characters of a long line are shown, and how many of them before the place that is meant. */
const SHOWN = 100;
const SHOWN_BEFORE = 60;

function formatProblem(problem: Problem, lines: readonly string[], file: string): string {
  const subject = problem.path === "" ? "" : `${problem.path}: `;
  const output = [`${file}:${problem.line}:${problem.column}: ${subject}${problem.message}`];
  const source = lines[problem.line - 1];
  if (source !== undefined && source.trim() !== "") {
    const characters = Array.from(withoutSecrets(source), harmless);
    const skipped = characters.length > SHOWN ? Math.max(0, problem.column - 1 - SHOWN_BEFORE) : 0;
    const shown = characters
      .slice(skipped, skipped + SHOWN)
      .join("")
      .trimEnd();
    const gutter = `${String(problem.line).padStart(5)} | `;
    const carets = "^".repeat(Math.max(1, Math.min(problem.length, SHOWN - (problem.column - 1 - skipped))));
    output.push(gutter + shown, `      | ${" ".repeat(problem.column - 1 - skipped)}${carets}`);
  }
  if (problem.hint !== null) output.push(`   hint: ${problem.hint}`);
  return output.join("\n");
}

/** A password that should not be in the file should not get into the terminal and the journal as well. */
const SECRETS = [
  /(?<=(?:password|passwd|passphrase)["']?\s*:\s*)("[^"]*"|'[^']*'|[^\s,}"'][^\s,}]*)/gi,
  /(?<=:\/\/[^\s/@]*:)[^\s/@]+(?=@)/g,
];

/** As many characters as before: the caret stays where it is. */
function withoutSecrets(line: string): string {
  return SECRETS.reduce(
    (text, secret) => text.replace(secret, (found) => "*".repeat(Array.from(found).length)),
    line,
  );
}

/** A control character would move the caret, or the terminal. */
function harmless(character: string): string {
  if (character === "\t") return " ";
  return /\p{C}/u.test(character) ? "?" : character;
}
