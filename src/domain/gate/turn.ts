/** May somebody call now? And turns that only one caller has at a time, each with an end, so that a dead one gives its turn away. */

export interface Lease {
  /** Names the holder. Chosen by the caller, fresh for every call. */
  readonly permit: string;
  /** From this moment on the turn is another's, in epoch milliseconds. */
  readonly endsAtMs: number;
}

export type Turn =
  /** Anybody may call. */
  | { readonly kind: "free" }
  /** One caller may, with a lease. */
  | { readonly kind: "one" }
  | { readonly kind: "wait"; readonly untilMs: number };

/** The turn of a place where only one may be: it is taken until its lease ends. */
export function leasedTurn(lease: Lease | null, nowMs: number): Turn {
  return lease !== null && nowMs < lease.endsAtMs
    ? { kind: "wait", untilMs: lease.endsAtMs }
    : { kind: "one" };
}

/** For who must satisfy both: the later wait, otherwise the narrower turn. */
export function bothTurns(a: Turn, b: Turn): Turn {
  if (a.kind === "wait" && b.kind === "wait") {
    return { kind: "wait", untilMs: Math.max(a.untilMs, b.untilMs) };
  }
  if (a.kind === "wait") return a;
  if (b.kind === "wait") return b;
  return a.kind === "one" ? a : b;
}
