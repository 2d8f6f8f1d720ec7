// Holds one thread of a process, the others go on: node hold-thread.ts --thread TID
// A stop signal always stops a whole process; ptrace(2) can stop a single thread (PTRACE_SEIZE, PTRACE_INTERRUPT). When
// this process ends, the kernel lets the thread go on. It ends when its standard input closes.
import { parseArgs } from "node:util";
import koffi from "koffi";

/** include/uapi/linux/ptrace.h. */
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;

const libc = koffi.load("libc.so.6");
const ptrace = libc.func("intptr_t ptrace(int request, int pid, intptr_t address, intptr_t data)");

const { values } = parseArgs({ options: { thread: { type: "string" } } });
const thread = Number(values.thread);
for (const request of [PTRACE_SEIZE, PTRACE_INTERRUPT]) {
  if (Number(ptrace(request, thread, 0, 0)) < 0) {
    throw new Error(`ptrace request ${request.toString(16)} of thread ${thread}: error ${koffi.errno()}`);
  }
}
console.log("held");
process.stdin.resume().on("close", () => process.exit(0));
