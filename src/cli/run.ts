// The command line: finds the command, fits the arguments, runs it. Each command is loaded only when it is
// typed, so that `switchover` and `status` start fast.

import { nearest } from "#lib/nearest.ts";
import { isProblem, parseArguments } from "./arguments.ts";
import type { Command, DaemonCommand, RunnableCommand, UpOptions, UsageProblem } from "./command.ts";
import type { DoctorCommand, DoctorOptions } from "./doctor.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { Io } from "./io.ts";

/** What is left to do after `runCommand`. */
export type Ran =
  | { readonly kind: "exit"; readonly code: ExitCode }
  /** Start the daemon. Only the command line was judged yet, not the configuration. */
  | { readonly kind: "up"; readonly options: UpOptions }
  /** Examine this host. */
  | { readonly kind: "doctor"; readonly options: DoctorOptions };

type AnyCommand = RunnableCommand | DaemonCommand | DoctorCommand;

/** In the order in which the overview lists them. The literal import() lets the bundler keep them apart. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: AnyCommand }>>> = {
  up: () => import("./up.ts"),
  witness: () => import("./witness.ts"),
  check: () => import("./check.ts"),
  doctor: () => import("./doctor.ts"),
  keygen: () => import("./keygen.ts"),
  status: () => import("./status.ts"),
  why: () => import("./why.ts"),
  journal: () => import("./journal.ts"),
  switchover: () => import("./switchover.ts"),
  drain: () => import("./drain.ts"),
  undrain: () => import("./undrain.ts"),
  maintenance: () => import("./maintenance.ts"),
  reload: () => import("./reload.ts"),
  "confirm-dead": () => import("./confirm-dead.ts"),
  fence: () => import("./fence.ts"),
  version: () => import("./version.ts"),
};

/** Runs one command line (without node and script); `argv` may be anything. */
export async function runCommand(argv: readonly string[], io: Io): Promise<Ran> {
  const [first, ...rest] = argv;
  if (first === undefined) {
    io.err(await overview(io));
    return exit(EXIT.usage);
  }
  if (first === "--help" || first === "-h" || first === "help") return exit(await help(rest, io));
  const name = first === "--version" || first === "-V" ? "version" : first;
  const command = await load(name);
  if (command === null) return exit(complainUnknown(name, io));

  const args = parseArguments(command, rest);
  if (isProblem(args)) return exit(complain(command, args, io));
  if (args.has("help")) return exit(await help([name], io));
  if ("run" in command) return exit(await command.run(args, io));
  if ("examine" in command) {
    const wanted = command.examine(args);
    return isProblem(wanted) ? exit(complain(command, wanted, io)) : { kind: "doctor", options: wanted };
  }
  const options = command.parse(args);
  return isProblem(options) ? exit(complain(command, options, io)) : { kind: "up", options };
}

/** Names of all commands, for the documentation's test. */
export const commandNames = (): readonly string[] => [...Object.keys(COMMANDS), "help"];

async function load(name: string): Promise<AnyCommand | null> {
  const loader = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return loader === undefined ? null : (await loader()).command;
}

async function help([name]: readonly string[], io: Io): Promise<ExitCode> {
  if (name === undefined || name === "help" || name.startsWith("-")) {
    io.out(await overview(io));
    return EXIT.ok;
  }
  const command = await load(name);
  if (command === null) return complainUnknown(name, io);
  const { formatHelp } = await import("./help-text.ts");
  io.out(formatHelp(command));
  return EXIT.ok;
}

async function overview(io: Io): Promise<string> {
  const { formatOverview } = await import("./help-text.ts");
  const commands: Pick<Command, "name" | "summary">[] = [];
  for (const loader of Object.values(COMMANDS)) commands.push((await loader()).command);
  return formatOverview([...commands, { name: "help", summary: "Explains a command" }], io.version);
}

function complain({ name }: Command, { problem, hint }: UsageProblem, io: Io): ExitCode {
  io.err(`understudy: ${problem}`);
  if (hint !== null) io.err(hint);
  io.err(`"understudy ${name} --help" explains it, with examples`);
  return EXIT.usage;
}

function complainUnknown(name: string, io: Io): ExitCode {
  const near = nearest(name, commandNames());
  io.err(`understudy: unknown ${name.startsWith("-") ? "option" : "command"} "${name}"`);
  if (near !== null) io.err(`did you mean "understudy ${near}"?`);
  io.err('"understudy help" lists the commands');
  return EXIT.usage;
}

const exit = (code: ExitCode): Ran => ({ kind: "exit", code });
