/** JSON of unknown shape. */
export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @returns `null` where the text is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** All strings anywhere in a value, in order: what a model would have had to read. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join(" ");
  return isObject(value) ? Object.values(value).map(textOf).join(" ") : "";
}

/** What is at a path such as `choices.0.message`; `undefined` where there is nothing. */
export function dig(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((inner, key) => (inner as JsonObject | null | undefined)?.[key], value);
}
