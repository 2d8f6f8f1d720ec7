// What the disk said, as a sentence that tells where, why and what to do.

/** Errors of open(2), write(2), fsync(2) and rename(2) that an operator can do something about. */
const ADVICE: Readonly<Record<string, string>> = {
  EROFS: "the file system is read-only: remount it read-write, or give another directory with --state-dir",
  ENOSPC: "the disk is full: free some space (a few kilobytes are enough)",
  EDQUOT: "the disk quota is used up: raise it, or free some space",
  EACCES: "permission denied: it must belong to the user that runs the daemon",
  EPERM: "not permitted: is a file there immutable (lsattr), or another security policy in the way?",
  EIO: "the disk reports errors: look at the kernel's log, this host may be about to fail",
  ENOTDIR: "a part of the path is a file, not a directory: remove it, or give another --state-dir",
  EISDIR: "there is a directory of that name: remove it",
  ENOENT: "it does not exist: was the state directory removed while the daemon ran?",
  EMFILE: "too many open files: raise the limit of the service (LimitNOFILE)",
  ELOOP: "its symbolic links lead in a circle",
};

/** "cannot VERB PATH: CAUSE (CODE)". */
export function storeProblem(
  verb: "read" | "write" | "lock" | "create",
  path: string,
  error: unknown,
): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const cause = ADVICE[code] ?? (error instanceof Error ? error.message : String(error));
  return `cannot ${verb} ${path}: ${cause}${code === "" ? "" : ` (${code})`}`;
}
