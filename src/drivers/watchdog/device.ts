// What the kernel's watchdog interface can be asked and told.
// Linux: Documentation/watchdog/watchdog-api.rst, include/uapi/linux/watchdog.h, drivers/watchdog/watchdog_dev.c.

import { constants } from "node:os";
import { control, requestNumber, writeBytes } from "#drivers/sys/device.ts";

/** struct watchdog_info: options, firmware version, a name of at most 32 bytes. */
const INFO_BYTES = 40;
const IDENTITY_AT = 8;
const INT_BYTES = 4;

const GETSUPPORT = requestNumber("W", 0, INFO_BYTES, "read");
// "read" although it is written: the kernel's header has it so.
const SETOPTIONS = requestNumber("W", 4, INT_BYTES, "read");
const SETTIMEOUT = requestNumber("W", 6, INT_BYTES, "both");
const GETTIMEOUT = requestNumber("W", 7, INT_BYTES, "read");

const DISABLE = 0x0001;
const MAGIC_CLOSE = 0x0100;
/** Any byte but the magic one, which would allow a close to stop the timer. */
const FEED = Uint8Array.of(0);
const MAGIC = Uint8Array.from("V", (letter) => letter.charCodeAt(0));

export interface Support {
  /** The driver's or the chip's own name: "Software Watchdog", "i6300ESB timer". */
  readonly identity: string;
  /** Without it every close stops the timer, also that of a process that dies. */
  readonly hasMagicClose: boolean;
}

/** What the device is; a negated errno, -ENOTTY for a file that is no watchdog. */
export function askSupport(fd: number): Support | number {
  const info = Buffer.alloc(INFO_BYTES);
  const result = control(fd, GETSUPPORT, info);
  if (result < 0) return result;
  const name = info.subarray(IDENTITY_AT);
  const end = name.indexOf(0);
  return {
    identity: name.toString("latin1", 0, end < 0 ? name.length : end).trim(),
    hasMagicClose: (info.readUInt32LE(0) & MAGIC_CLOSE) !== 0,
  };
}

/**
 * Asks for a timeout and answers what the device then uses, in whole seconds: the nearest it can, its only one, or
 * the one from before when it refused. A negated errno when it does not tell.
 */
export function setTimeoutOf(fd: number, seconds: number): number {
  const wanted = int32(seconds);
  const set = control(fd, SETTIMEOUT, wanted);
  const used = int32(0);
  if (control(fd, GETTIMEOUT, used) >= 0) return used.readInt32LE(0);
  return set >= 0 ? wanted.readInt32LE(0) : set;
}

/** Puts the timer back to its whole timeout. Microseconds for a chip on the bus, longer for one behind IPMI. */
export function feed(fd: number): boolean {
  return writeBytes(fd, FEED) === FEED.length;
}

/**
 * Stops the timer as far as the device lets it, and allows the close that must follow to leave it stopped.
 * False: it goes on (nowayout).
 *
 * WDIOS_DISABLECARD says whether it stopped, which a close does not: with nowayout the kernel answers EBUSY to it.
 * A driver that does not know that request is taken at its word that it honours the magic close.
 */
export function stop(fd: number): boolean {
  const isAllowed = writeBytes(fd, MAGIC) === MAGIC.length;
  const disabled = control(fd, SETOPTIONS, int32(DISABLE));
  if (disabled >= 0) return true;
  return isAllowed && disabled !== -constants.errno.EBUSY;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(INT_BYTES);
  buffer.writeInt32LE(value);
  return buffer;
}
