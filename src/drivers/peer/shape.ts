// Shapes: checks that a value from elsewhere is what its type says. The compiler sees to it that each shape
// names every field of its type.

/** Whether the value is a T. Never throws; fields that the type does not have are passed over. */
export type Shape<T> = (value: unknown) => value is T;

/** The type of every property, brand or not, must have a shape. */
type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> };

export function object<T>(fields: Fields<T>): Shape<T> {
  const entries = Object.entries(fields) as [string, Shape<unknown>][];
  return (value): value is T => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const record = value as Readonly<Record<string, unknown>>;
    return entries.every(([name, shape]) => shape(record[name]));
  };
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every((item) => shape(item));
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value): value is T | null => value === null || shape(value);
}

export function oneOf<const T extends string>(...texts: readonly T[]): Shape<T> {
  return (value): value is T => texts.some((text) => text === value);
}

/** Members of a union, told apart by `kind`; each must be there. */
export function union<T extends { readonly kind: string }>(
  kinds: {
    readonly [K in T["kind"]]: Shape<Extract<T, { readonly kind: K }>>;
  },
): Shape<T> {
  const shapes = new Map<unknown, Shape<T>>(Object.entries(kinds) as [string, Shape<T>][]);
  return (value): value is T => {
    if (typeof value !== "object" || value === null || !("kind" in value)) return false;
    return shapes.get(value.kind)?.(value) ?? false;
  };
}

export const text: Shape<string> = (value): value is string => typeof value === "string";
export const truth: Shape<boolean> = (value): value is boolean => typeof value === "boolean";

/** 0 to 2^53 - 1. For branded numbers too: terms, counts. */
export const whole = ((value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0) as Shape<number>;

/** A name as the configuration allows it, of a node or a service. */
export const name: Shape<string> = (value): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 63;

/** The same check for a branded type. */
export const branded = <T extends string | number>(shape: Shape<string> | Shape<number>): Shape<T> =>
  shape as Shape<string | number> as Shape<T>;
