// Reads and checks a configuration in a thread of its own, which then ends: the parser and the schema take
// memory that a daemon need not keep for months.

import { parentPort, workerData } from "node:worker_threads";
import { type ReadConfiguration, readConfiguration } from "#cli/configuration.ts";
import { assert } from "#lib/assert.ts";

/** What the thread posts, once. */
export type ConfigAnswer = ReadConfiguration;

assert(parentPort !== null, "this file runs as a thread of understudy");
parentPort.postMessage(readConfiguration(workerData as string) satisfies ConfigAnswer);
