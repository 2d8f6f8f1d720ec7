// Appends lines to a file in the background, two files at most. The disk may be slow, full or gone: then lines
// wait in a bounded queue and the oldest of them are lost, counted; nobody ever waits for it.

import { close, open, rename, write } from "node:fs";

export interface FileOptions {
  readonly file: string;
  /** Bytes that are in it already. */
  readonly size: number;
  /** Whether a line break must come first. */
  readonly isTorn: boolean;
  /** The file is renamed to `FILE.1`, in place of the one before, when it would grow beyond; bytes. */
  readonly rotateAt: number;
  /** How many bytes may wait for the disk. */
  readonly queueLimit: number;
  /** Until the next try after a failure, in milliseconds. */
  readonly retryAfter: number;
}

/** A write that takes longer than this is reported; milliseconds. */
const SLOW = 5_000;

export class JournalFile {
  readonly #options: FileOptions;
  #fd: number | null = null;
  #size: number;
  #needsBreak: boolean;
  #queue: Buffer[] = [];
  #queued = 0;
  /** When the write that is under way began, in performance.now; null: none is. */
  #busySince: number | null = null;
  #retry: NodeJS.Timeout | null = null;
  #problem: string | null = null;
  #lost = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: FileOptions) {
    this.#options = options;
    this.#size = options.size;
    this.#needsBreak = options.isTorn;
  }

  get lost(): number {
    return this.#lost;
  }

  get problem(): string | null {
    const busyFor = this.#busySince === null ? 0 : performance.now() - this.#busySince;
    if (busyFor > SLOW) {
      return `the journal's disk has not finished a write for ${Math.round(busyFor / 1000)} s`;
    }
    return this.#problem;
  }

  /** Queues one line, without its line break. */
  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    while (this.#queued > this.#options.queueLimit) {
      this.#queued -= this.#queue.shift()?.length ?? 0;
      this.#lost += 1;
    }
    this.#work();
  }

  /** Calls back when everything is written, or could not be; at the latest after `deadline` milliseconds. */
  close(deadline: number, done: () => void): void {
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (this.#retry !== null) clearTimeout(this.#retry);
      // A write that still hangs keeps the descriptor; the process is about to end anyway.
      if (this.#fd !== null && this.#busySince === null) close(this.#fd, () => {});
      this.#fd = null;
      done();
    };
    const timer = setTimeout(end, deadline);
    if (this.#busySince === null) end();
    else this.#whenIdle.push(end);
  }

  /** Takes the next step: open, rotate, write; one at a time, each goes on here. */
  #work(): void {
    if (this.#busySince !== null || this.#retry !== null) return;
    if (this.#queue.length === 0) {
      for (const call of this.#whenIdle.splice(0)) call();
      return;
    }
    this.#busySince = performance.now();
    if (this.#fd === null) return this.#open();
    if (this.#size > 0 && this.#size + this.#queued > this.#options.rotateAt) return this.#rotate(this.#fd);
    this.#write(this.#fd, this.#queue.splice(0));
  }

  #open(): void {
    open(this.#options.file, "a", 0o640, (error, fd) => {
      if (error !== null) return this.#fail(error);
      this.#fd = fd;
      this.#next();
    });
  }

  #rotate(fd: number): void {
    const { file } = this.#options;
    rename(file, `${file}.1`, (error) => {
      if (error !== null && error.code !== "ENOENT") return this.#fail(error);
      this.#fd = null;
      this.#size = 0;
      this.#needsBreak = false;
      close(fd, () => this.#next());
    });
  }

  #write(fd: number, lines: readonly Buffer[]): void {
    const head = this.#needsBreak ? [Buffer.from("\n")] : [];
    const bytes = Buffer.concat([...head, ...lines]);
    this.#queued -= bytes.length - (head[0]?.length ?? 0);
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null && written === bytes.length) {
        this.#size += written;
        this.#needsBreak = false;
        this.#problem = null;
        return this.#next();
      }
      // A full disk takes a part: what it took may end in the middle of a line.
      this.#size += error === null ? written : 0;
      const left = linesLeft(lines, error === null ? written - (head[0]?.length ?? 0) : 0);
      this.#needsBreak ||= error === null && written > 0;
      this.#queue.unshift(...left);
      this.#queued += left.reduce((sum, line) => sum + line.length, 0);
      this.#fail(error ?? new Error("the disk took only a part (is it full?)"));
    });
  }

  #next(): void {
    this.#busySince = null;
    this.#work();
  }

  #fail(error: Error): void {
    this.#problem = `the journal cannot be written: ${error.message}`;
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) close(fd, () => {});
    this.#busySince = null;
    for (const call of this.#whenIdle.splice(0)) call();
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#work();
    }, this.#options.retryAfter);
    // A journal that cannot be written must not keep a process that wants to end.
    this.#retry.unref();
  }
}

/** The lines of a batch that are not whole within its first `written` bytes. */
function linesLeft(lines: readonly Buffer[], written: number): readonly Buffer[] {
  let end = 0;
  return lines.filter((line) => {
    end += line.length;
    return end > written;
  });
}
