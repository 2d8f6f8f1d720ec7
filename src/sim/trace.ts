// What happened, as a fingerprint that tells two runs apart, and as lines for people when asked for.

/** Two lanes of FNV-1a over 32-bit words: cheap enough for every event. */
export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #lines: string[] | null;
  readonly #now: () => number;
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);

  /** `keepsLines`: for replays; without it lines cost nothing but their fingerprint. */
  constructor(now: () => number, keepsLines: boolean) {
    this.#now = now;
    this.#lines = keepsLines ? [] : null;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** 16 hex digits over everything noted so far. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** Notes an event by a number that tells its kind and place. */
  note(mark: number): void {
    this.#float[0] = this.#now();
    this.#mix(this.#words[0] ?? 0);
    this.#mix(this.#words[1] ?? 0);
    this.#mix(mark);
  }

  /** Notes something worth reading. */
  say(who: string, text: string): void {
    this.note(text.length);
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    if (this.#lines !== null) this.#lines.push(`${stamp(this.#now())}  ${who.padEnd(4)} ${text}`);
  }

  /** Something only replays show: made on demand. */
  detail(who: string, text: () => string): void {
    if (this.#lines !== null) this.#lines.push(`${stamp(this.#now())}  ${who.padEnd(4)}     ${text()}`);
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul((this.#high ^ word) + (this.#low >>> 15), 0x85ebca6b);
  }
}

function stamp(at: number): string {
  return `+${(at / 1000).toFixed(4).padStart(9)}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
