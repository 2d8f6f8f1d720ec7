// Chance from a seed: the same seed and the same calls give the same numbers, on every machine.

/**
 * sfc32 by Chris Doty-Humphrey (PractRand 0.95, public domain): 128 bits of state, fast, passes PractRand.
 * Seeded as there: the seed into three words, a counter of 1, twelve rounds thrown away. Not for secrets.
 */
export class Prng {
  readonly #seed: readonly [number, number, number];
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  private constructor(seed: readonly [number, number, number]) {
    this.#seed = seed;
    [this.#a, this.#b, this.#c] = seed;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** `seed` is a whole number from 0 to 2^53 - 1; each gives a stream of its own. */
  static from(seed: number): Prng {
    return new Prng([seed | 0, Math.floor(seed / 2 ** 32) | 0, 0]);
  }

  /**
   * A stream of its own, named by `label`. It depends on this stream's seed alone, not on how much was drawn
   * from it: one more draw in one part of a simulation leaves all other parts as they were.
   */
  split(label: string): Prng {
    const [a, b, c] = this.#seed;
    let [x, y, z] = [a ^ 0x9e3779b9, b, c ^ label.length];
    for (let i = 0; i < label.length; i++) {
      x = mix(x ^ label.charCodeAt(i));
      y = mix(y + x);
      z = mix(z ^ y);
    }
    return new Prng([mix(x), mix(y), mix(z)]);
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** At least 0, less than 1; 32 bits of it are chance. */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number, at least 0 and less than `limit` (1 to 2^32). */
  int(limit: number): number {
    return Math.floor(this.float() * limit);
  }

  /** At least `from`, less than `to`. */
  between(from: number, to: number): number {
    return from + this.float() * (to - from);
  }

  /** True with this probability. Always draws, so that 0 and 1 leave the later numbers as they are. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of them; an empty list is a bug of the caller. */
  pick<T>(list: readonly T[]): T {
    const index = this.int(list.length);
    if (list.length === 0) throw new Error("nothing to pick from");
    return list[index] as T;
  }

  /** All of them in another order; the list itself stays as it is. Fisher and Yates. */
  shuffle<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}

/** Chris Wellons' lowbias32: every bit of the input changes about half of the bits of the result. */
function mix(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}
