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
}
