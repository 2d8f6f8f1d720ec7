// The doctor's beginning: without the library for system calls there is one finding, and nothing else can be tried.

import type { DoctorOptions } from "#cli/doctor.ts";
import type { ExitCode } from "#cli/exit.ts";
import type { Io } from "#cli/io.ts";
import { judgeKoffi } from "#doctor/kernel.ts";
import { report } from "./doctor-report.ts";

/** Prints what it found; answers the exit code. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<ExitCode> {
  try {
    await import("#drivers/sys/libc.ts");
  } catch (error) {
    const [detail = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    const finding = judgeKoffi({ kind: "fails", detail });
    return report([finding], { node: options.node, daemon: false, json: options.json }, io);
  }
  const { examine } = await import("./doctor-examine.ts");
  return examine(options, io);
}
