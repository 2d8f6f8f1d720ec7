// What the exit codes of every command mean. Stable: scripts and monitoring depend on them.

export const EXIT = {
  /** Done; or healthy. */
  ok: 0,
  /** Everything is served, but something needs a look. */
  degraded: 1,
  /** A service is down; or what was asked for was refused or failed. */
  failed: 2,
  /** Not known: the daemon does not answer, or not in time. */
  unknown: 3,
  /** The command line is wrong (sysexits: EX_USAGE). */
  usage: 64,
  /** The configuration is invalid (EX_DATAERR). */
  invalid: 65,
  /** Not allowed: not root, or not in the socket's group (EX_NOPERM). */
  notAllowed: 77,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
