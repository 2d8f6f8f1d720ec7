// argv to command or daemon. Everything that only the daemon needs is loaded only for it.

import { terminalIo } from "#cli/io.ts";
import { runCommand } from "#cli/run.ts";
import { fenceAgents } from "./fence-agents.ts";
import { VERSION } from "./version.ts";

process.title = "understudy";
// Set by bin/understudy for this process alone, not for the programs that it starts.
delete process.env.MALLOC_ARENA_MAX;
const ran = await runCommand(process.argv.slice(2), { ...terminalIo(VERSION), fenceAgents });
if (ran.kind === "exit") process.exitCode = ran.code;
else if (ran.kind === "doctor") {
  const { runDoctor } = await import("./run-doctor.ts");
  process.exitCode = await runDoctor(ran.options, terminalIo(VERSION));
} else {
  const { runDaemon } = await import("./run-daemon.ts");
  await runDaemon(ran.options);
}
