/** Tokens of one call, the same for every vendor. */
export interface Usage {
  /** All that was read, cached and cache-written tokens included. */
  readonly promptTokens: number;
  /** The part of `promptTokens` that came from the vendor's prompt cache. */
  readonly cachedTokens: number;
  /** The part of `promptTokens` that was written to the vendor's prompt cache (some vendors charge more for it). */
  readonly cacheWriteTokens: number;
  /** All that was written, reasoning included. */
  readonly completionTokens: number;
  /** The part of `completionTokens` that was reasoning. */
  readonly reasoningTokens: number;
  /** What the vendor says of the price of this very call; absent where it says nothing, so that the price table alone counts. */
  readonly billed?: Billed;
}

export type Billed =
  /** In US dollars. */
  | { readonly costUsd: number }
  /** The table's price times this; `null`: served in a way whose price is not known. */
  | { readonly priceFactor: number | null };
