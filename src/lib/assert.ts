/**
 * Ends the program when a bug shows: an assertion is about us, never about the world.
 * Kept on in production; the supervisor restarts the daemon, the kernel closes its grants.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
