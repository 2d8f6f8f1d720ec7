// All of pulse.test.ts again, over the sockets of a thread that waits in the kernel itself.

import { useKernelSockets } from "./loopback.ts";

useKernelSockets();
await import("./pulse.test.ts");
