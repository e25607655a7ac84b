/** One POST to somebody else's address. */

/** What came of it; never a word of the other side's. */
export type PostOutcome =
  | { readonly kind: "status"; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly kind: "refused" | "timeout" | "tls" | "blocked" | "other" };
