// Runs commands for the lab: always as a list of words (never through a shell), always with a deadline.
import { spawn, spawnSync } from "node:child_process";

/** How a command ended. `code` is null when it was killed, by its deadline or otherwise. */
export type Outcome = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunOptions = {
  /** Milliseconds; after that the command is killed with SIGKILL. */
  readonly timeoutMs?: number;
  /** Text for its standard input; without it there is none. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
};

const DEFAULT_TIMEOUT_MS = 10_000;

/** Runs a command and answers how it ended; never throws for what the command did. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = "";
    let stderr = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const end = (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // A command that ends before it read its input closes the pipe; its exit code tells the story.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
    child.on("error", (error) => {
      stderr += error.message;
      end(null);
    });
    child.on("close", end);
  });
}

/** Runs a command that has to succeed and answers its output; throws with its words otherwise. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(argv, options);
  if (outcome.code === 0) return outcome.stdout;
  const end = outcome.code === null ? "was killed" : `ended with ${outcome.code}`;
  throw new Error(`${argv.join(" ")} ${end}: ${outcome.stderr.trim() || outcome.stdout.trim()}`);
}

/** The same without waiting turns, for clean-up while the process exits. Failures are ignored. */
export function runNow(argv: readonly string[]): void {
  const [program = "", ...args] = argv;
  spawnSync(program, args, { stdio: "ignore", timeout: DEFAULT_TIMEOUT_MS, killSignal: "SIGKILL" });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks `question` every `everyMs` until it answers something truthy; null after `withinMs`. */
export async function until<T>(
  question: () => T | Promise<T>,
  { withinMs, everyMs = 50 }: { readonly withinMs: number; readonly everyMs?: number },
): Promise<T | null> {
  const end = monotonicMs() + withinMs;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (monotonicMs() >= end) return null;
    await sleep(everyMs);
  }
}

/** CLOCK_MONOTONIC in milliseconds: one time line for every process of this machine. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
