/** Reading what a vendor sent as what it may be, not as what it should be: a malformed envelope gives `undefined`, and never throws. */
import type { Usage } from "../domain/judging/usage.ts";

/**
 * A vendor's documented shape, any part of which may be missing or of another kind. `?.` walks it safely (a property of a string or
 * of a number is `undefined`), its leaves are `unknown` until they are looked at, and its lists open only through `items` and `ofType`.
 */
export type Unsure<T> = T extends null | undefined
  ? undefined
  : T extends readonly (infer Item)[]
    ? UnsureList<Item> | null | undefined
    : T extends object
      ? { readonly [Key in keyof T]?: Unsure<T[Key]> } | null | undefined
      : unknown;

declare const listOf: unique symbol;
interface UnsureList<Item> {
  readonly [listOf]?: Item;
}

/** @returns what the JSON in `text` says; `undefined` where it is none */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns what is in the list; nothing where it is none */
export function items<Item>(list: UnsureList<Item> | null | undefined): readonly Unsure<Item>[] {
  return Array.isArray(list) ? list : [];
}

/** @returns the items whose `type` is this one */
export function ofType<Item extends { readonly type: string }, Type extends Item["type"]>(
  list: UnsureList<Item> | null | undefined,
  type: Type,
): readonly Unsure<Extract<Item, { readonly type: Type }>>[] {
  const all: readonly ({ readonly type?: unknown } | null | undefined)[] = Array.isArray(list) ? list : [];
  return all.filter((item): item is Unsure<Extract<Item, { readonly type: Type }>> => item?.type === type);
}

/** @returns the text; `""` where it is none */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** @returns a word or an id of the vendor's, short enough for a log; `null` where there is none */
export function word(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value.slice(0, 200) : null;
}

/** @returns a token count; `NaN` where it is none, which spoils every sum that it goes into and so the whole usage */
export function tokenCount(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

/** As `count`, for the counts that a vendor leaves out where they are 0. */
export function countOrZero(value: unknown): number {
  return value === null || value === undefined ? 0 : tokenCount(value);
}

/**
 * More reasoning than completion means that the one was counted beside the other: they are added.
 *
 * @returns the usage; `null` where a count makes no sense (negative, a fraction, a cached part larger than the prompt): no cost comes from that
 */
export function sensible(usage: Usage): Usage | null {
  const { promptTokens, cachedTokens, cacheWriteTokens, completionTokens, reasoningTokens } = usage;
  const counts = [promptTokens, cachedTokens, cacheWriteTokens, completionTokens, reasoningTokens];
  if (!counts.every((tokens) => Number.isSafeInteger(tokens) && tokens >= 0)) return null;
  if (cachedTokens + cacheWriteTokens > promptTokens) return null;
  return reasoningTokens > completionTokens
    ? { ...usage, completionTokens: completionTokens + reasoningTokens }
    : usage;
}
