// The single values of the configuration: how each is written, read and refused.

import { type FloatingAddress, isUsable, parseAddress, parseIp } from "#model/address.ts";
import type { Argv, Failback, GuardedPort, StatusRange } from "#model/config.ts";
import { type Ms, ms } from "#model/units.ts";
import { leaf, nameOf, type Read, read, refuse } from "./kit.ts";
import { splitWords } from "./words.ts";

/** Names of nodes, witnesses and services. */
export const NAME = {
  pattern: /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
  rule: "names have 1 to 63 letters, digits, dots, dashes and underscores, and start and end with a letter or digit",
} as const;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
/** Longer ones are typing mistakes, and timers do not reach further: 2^31 ms are 24.8 days. */
const LONGEST = ms(24 * 86_400_000);

export function parseDuration(value: unknown): Read<Ms> {
  const written = typeof value === "string" ? DURATION.exec(value.trim()) : null;
  if (written === null) {
    const isBare = typeof value === "number" || (typeof value === "string" && /^\d+(\.\d+)?$/.test(value));
    if (isBare)
      return refuse(`${value} has no unit`, `write ${value}s or ${value}ms; units are ms, s, m, h, d`);
    return refuse(`expected a duration, found ${nameOf(value)}`, "as in 500ms, 2s, 1.5s, 10m, 1h");
  }
  const duration = ms(Number(written[1]) * (UNITS[written[2] ?? ""] ?? 0));
  return duration <= LONGEST ? read(duration) : refuse(`${value} is too long`, "24d is the most");
}

/** As it would be written: the largest unit that gives a whole number. */
export function formatDuration(duration: Ms): string {
  for (const [unit, size] of Object.entries(UNITS).reverse()) {
    if (duration >= size && duration % size === 0) return `${duration / size}${unit}`;
  }
  return `${duration}ms`;
}

const DURATION_JSON = { type: "string", pattern: DURATION.source };

/** Above zero. */
export const duration = () =>
  leaf(DURATION_JSON, (value) => {
    const answer = parseDuration(value);
    return answer.kind === "read" && answer.value === 0
      ? refuse("this must be longer than 0", "as in 500ms, 2s, 10m")
      : answer;
  });

export const durationOrZero = () => leaf(DURATION_JSON, parseDuration);

export const wholeNumber = (from: number, to: number) =>
  leaf({ type: "integer", minimum: from, maximum: to }, (value) => {
    if (typeof value !== "number")
      return refuse(`expected a number, found ${nameOf(value)}`, numberHint(value));
    if (!Number.isInteger(value)) return refuse(`${value} is no whole number`, `write ${Math.round(value)}`);
    const fits = value >= from && value <= to;
    return fits ? read(value) : refuse(`${value} is out of range`, `a whole number from ${from} to ${to}`);
  });

/** From 0 up to, but not including, `below`. */
export const share = (below: number) =>
  leaf({ type: "number", minimum: 0, exclusiveMaximum: below }, (value) => {
    if (typeof value === "number" && value >= 0 && value < below) return read(value);
    const hint =
      typeof value === "string" && value.endsWith("%")
        ? "write 0.2 for 20%"
        : `from 0 to less than ${below}, as in 0.2`;
    return refuse(`expected a share, found ${nameOf(value)}`, hint);
  });

function numberHint(value: unknown): string {
  const isQuoted = typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value));
  return isQuoted ? "remove the quotes" : "digits only";
}

/** What YAML 1.1 took for truth values, and people still write. */
const OLD_TRUTHS: readonly (readonly [RegExp, boolean])[] = [
  [/^(yes|on|y)$/i, true],
  [/^(no|off|n)$/i, false],
];

export const truth = () =>
  leaf({ type: "boolean" }, (value) => {
    if (typeof value === "boolean") return read(value);
    const meant = OLD_TRUTHS.find(([form]) => typeof value === "string" && form.test(value))?.[1];
    const hint = `write ${meant ?? "true or false"}: in YAML 1.2 only true and false are truth values`;
    return refuse(`expected true or false, found ${nameOf(value)}`, hint);
  });

/** A flag that is written to be seen; not writing it is the other choice. */
export const onlyTrue = () =>
  leaf({ const: true }, (value) =>
    value === true
      ? read(true as const)
      : refuse(`expected true, found ${nameOf(value)}`, "true, or remove it"),
  );

function readText(value: unknown): Read<string> {
  if (typeof value !== "string") {
    const isScalar = typeof value === "number" || typeof value === "boolean";
    return refuse(
      `expected a text, found ${nameOf(value)}`,
      isScalar ? `put it in quotes: "${value}"` : "words, in quotes if need be",
    );
  }
  return value.trim() === "" ? refuse("the text is empty", "give it a value or remove the key") : read(value);
}

const TEXT_JSON = { type: "string", minLength: 1 };

export const text = () => leaf(TEXT_JSON, readText);

/** A text without line breaks and other control characters: what becomes one line of a program's input. */
export const line = () =>
  leaf(TEXT_JSON, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused" || !/\p{Cc}/u.test(answer.value)) return answer;
    return refuse("a line break or another control character", "write it in one line");
  });

/** A text of which zero characters are fine too: the value of an environment variable. */
export const anyText = () => leaf({ type: "string" }, (value) => (value === "" ? read("") : readText(value)));

export const name = () =>
  leaf({ type: "string", pattern: NAME.pattern.source }, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused" || NAME.pattern.test(answer.value)) return answer;
    return refuse(`${nameOf(value)} is no name`, NAME.rule);
  });

export const absolutePath = () =>
  leaf({ type: "string", pattern: "^/" }, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused" || answer.value.startsWith("/")) return answer;
    return refuse(`expected an absolute path, found ${nameOf(value)}`, "it starts with /");
  });

export const accountName = () =>
  leaf({ type: "string", pattern: ACCOUNT.source }, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused" || ACCOUNT.test(answer.value)) return answer;
    return refuse(`${nameOf(value)} is no account name`, "as in /etc/passwd: www-data");
  });

/** What Debian's adduser accepts, and no more. */
const ACCOUNT = /^[a-z_][a-z0-9_.-]{0,31}\$?$/;

export const deviceName = () =>
  leaf({ type: "string", pattern: DEVICE.source }, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused" || DEVICE.test(answer.value)) return answer;
    return refuse(
      `${nameOf(value)} is no name of a network device`,
      "1 to 15 characters, no blanks or slashes: eth0",
    );
  });

/** IFNAMSIZ is 16 with the final zero byte; dev_valid_name() in the kernel forbids these characters. */
const DEVICE = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

/** Canonical text of the address of a host. Loopback passes: whole clusters on one host are useful for trials. */
export const hostAddress = () => leaf({ type: "string", examples: ["192.0.2.11"] }, parseHostAddress);

export function parseHostAddress(value: unknown): Read<string> {
  const answer = readText(value);
  if (answer.kind === "refused") return answer;
  const ip = parseIp(answer.value);
  if (ip === null) return refuse(`${nameOf(value)} is no IP address`, addressHint(answer.value));
  const isLoopback = ip.family === 4 ? ip.bytes[0] === 127 : ip.text === "::1";
  if (!isUsable(ip) && !isLoopback)
    return refuse(`${ip.text} cannot be the address of a host`, "it must reach one host, from all members");
  return read(ip.text);
}

function addressHint(written: string): string {
  if (parseAddress(written) !== null)
    return `write ${written.slice(0, written.indexOf("/"))}, without the prefix`;
  if (/^[\d.]+:\d+$/.test(written)) return "the port is the same for all members: set it with `port:`";
  if (/[g-zG-Z]/.test(written)) return "addresses only: a name server may be what has just died";
  return "as in 192.0.2.11 or 2001:db8::11";
}

export const floatingAddress = () => leaf({ type: "string", examples: ["192.0.2.10/24"] }, parseFloating);

export function parseFloating(value: unknown): Read<FloatingAddress> {
  const answer = readText(value);
  if (answer.kind === "refused") return answer;
  const written = answer.value;
  const [ipText = "", prefix] = written.split("/");
  const ip = parseIp(ipText);
  if (ip === null)
    return refuse(`${nameOf(value)} is no address with a prefix`, "as in 192.0.2.10/24 or 2001:db8::10/64");
  if (prefix === undefined) {
    const usual = ip.family === 4 ? 24 : 64;
    return refuse(`${ip.text} has no prefix`, `write the subnet's, as in ${ip.text}/${usual}`);
  }
  if (!isUsable(ip))
    return refuse(
      `${ip.text} cannot be a floating address`,
      "loopback, link-local and multicast cannot move",
    );
  const address = parseAddress(written);
  const bits = ip.family === 4 ? 32 : 128;
  if (address === null) return refuse(`/${prefix} is no prefix`, `a whole number from 1 to ${bits}`);
  const special = specialAddress(ip.bytes, address.prefix);
  return special === null
    ? read(address)
    : refuse(`${written} is the ${special}, not the address of a host`, "choose another one in this network");
}

/** IPv6 has no broadcast, and its network address, the anycast one of the routers, may well be held. */
function specialAddress(bytes: readonly number[], prefix: number): string | null {
  if (bytes.length !== 4 || prefix >= 31) return null;
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - prefix);
  if (value % size === 0) return "network itself";
  return value % size === size - 1 ? "network's broadcast address" : null;
}

const SPELL_OUT = "write out what it stands for";
/** A later version fills in such words; now they would reach the command as they are. */
const PLACEHOLDER = /%[A-Z][A-Z_]*%/;

export const command = () =>
  leaf({ anyOf: [TEXT_JSON, { type: "array", items: { type: "string" }, minItems: 1 }] }, parseCommand);

export function parseCommand(value: unknown): Read<Argv> {
  const answer = typeof value === "string" ? splitWords(value) : readWords(value);
  if (answer.kind === "refused") return answer;
  const placeholder = answer.value
    .map((word) => PLACEHOLDER.exec(word)?.[0])
    .find((found) => found !== undefined);
  return placeholder === undefined
    ? answer
    : refuse(`not yet: the placeholder ${placeholder} is not part of this version`, SPELL_OUT);
}

function readWords(value: unknown): Read<Argv> {
  if (!Array.isArray(value))
    return refuse(`expected a command, found ${nameOf(value)}`, "a text, or a list of words");
  if (value[0] === undefined || value[0] === "")
    return refuse("the command is empty", "the path of a program, and its arguments");
  for (const word of value) {
    if (typeof word !== "string") return refuse(`${nameOf(word)} is no text`, `put it in quotes: "${word}"`);
  }
  return read(value as string[]);
}

const URL_FORM = /^https?:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:(\d{1,5}))?([/?][^\s#]*)?$/;

export const url = () =>
  leaf({ type: "string", pattern: URL_FORM.source }, (value) => {
    const answer = readText(value);
    if (answer.kind === "refused") return answer;
    const parts = URL_FORM.exec(answer.value);
    if (parts === null)
      return refuse(`${nameOf(value)} is no URL`, "as in http://localhost/health or https://127.0.0.1:8443/");
    const port = parts[3] === undefined ? 80 : Number(parts[3]);
    return isPort(port) ? answer : refuse(`${port} is no port`, "ports are 1 to 65535");
  });

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

export const hostAndPort = () =>
  leaf({ type: "string", pattern: HOST_PORT.source }, (value): Read<{ host: string; port: number }> => {
    const answer = readText(value);
    if (answer.kind === "refused") return answer;
    if (PLACEHOLDER.test(answer.value))
      return refuse("not yet: placeholders are not part of this version", SPELL_OUT);
    const parts = HOST_PORT.exec(answer.value);
    if (parts === null)
      return refuse(`${nameOf(value)} is no host with a port`, "as in localhost:5432 or [::1]:5432");
    const port = Number(parts[3]);
    return isPort(port)
      ? read({ host: parts[1] ?? parts[2] ?? "", port })
      : refuse(`${port} is no port`, "ports are 1 to 65535");
  });

function isPort(port: number): boolean {
  return port >= 1 && port <= 65535;
}

const GUARDED = /^(?:(tcp|udp)\/)?(\d{1,5})$/;

export const guardedPort = () =>
  leaf(
    {
      anyOf: [
        { type: "integer", minimum: 1, maximum: 65535 },
        { type: "string", pattern: GUARDED.source },
      ],
    },
    parseGuardedPort,
  );

export function parseGuardedPort(value: unknown): Read<GuardedPort> {
  const isPlain = typeof value === "number" || typeof value === "string";
  const parts = isPlain ? GUARDED.exec(String(value)) : null;
  if (parts === null)
    return refuse(`${nameOf(value)} is no port to guard`, 'as in 3306 or "udp/53"; tcp is meant otherwise');
  const port = Number(parts[2]);
  return isPort(port)
    ? read({ protocol: parts[1] === "udp" ? "udp" : "tcp", port })
    : refuse(`${port} is no port`, "ports are 1 to 65535");
}

const FAILBACK = /^after\s+(\S+)$/;

export const failback = () =>
  leaf(
    { type: "string", pattern: `^(manual|auto|after +${DURATION.source.slice(1, -1)})$` },
    (value): Read<Failback> => {
      if (value === "manual" || value === "auto") return read({ kind: value });
      const after = typeof value === "string" ? FAILBACK.exec(value.trim()) : null;
      if (after === null)
        return refuse(
          `expected manual, auto or after DURATION, found ${nameOf(value)}`,
          "as in: failback: after 10m",
        );
      const delay = parseDuration(after[1]);
      return delay.kind === "refused" ? delay : read({ kind: "after", delay: delay.value });
    },
  );

export const statusRanges = () =>
  leaf(
    { anyOf: [STATUS_JSON, { type: "array", items: STATUS_JSON, minItems: 1 }] },
    (value): Read<readonly StatusRange[]> => {
      const ranges = (Array.isArray(value) ? value : [value]).map(statusRange);
      const good = ranges.filter((range) => range !== null);
      if (good.length === ranges.length && good.length > 0) return read(good);
      return refuse("expected statuses from 100 to 599", 'as in 200, "200-299" or [200, "300-399"]');
    },
  );

const STATUS_JSON = {
  anyOf: [
    { type: "integer", minimum: 100, maximum: 599 },
    { type: "string", pattern: "^[1-5]\\d\\d(-[1-5]\\d\\d)?$" },
  ],
};

function statusRange(value: unknown): StatusRange | null {
  const written = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(value));
  if (written === null) return null;
  const from = Number(written[1]);
  const to = Number(written[2] ?? written[1]);
  return from <= to ? { from, to } : null;
}
