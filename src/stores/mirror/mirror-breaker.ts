/**
 * Whether a secondary store is asked at all, by how it has answered. Plain values: the caller keeps them.
 *
 *            +------------- an answer -------------+
 *            v                                     |
 *         patient -- the third failure in a row -> resting -- 5 s are over: one asks, the rest begins again
 */
export interface MirrorBreaker {
  readonly failuresInRow: number;
  /** Epoch milliseconds. */
  readonly openUntilMs: number;
}

export const closedMirror: MirrorBreaker = { failuresInRow: 0, openUntilMs: 0 };

const mostFailures = 3;
const openMs = 5_000;

export function isMirrorOpen({ failuresInRow }: MirrorBreaker): boolean {
  return failuresInRow >= mostFailures;
}

/** @returns `null`: don't ask now. Otherwise ask, and go on from there */
export function askMirror(breaker: MirrorBreaker, nowMs: number): MirrorBreaker | null {
  if (!isMirrorOpen(breaker)) return breaker;
  const leftMs = breaker.openUntilMs - nowMs;
  // A clock that was set back must not make it a long rest.
  return leftMs > 0 && leftMs <= openMs ? null : { ...breaker, openUntilMs: nowMs + openMs };
}

export function mirrorFailed({ failuresInRow }: MirrorBreaker, nowMs: number): MirrorBreaker {
  return { failuresInRow: failuresInRow + 1, openUntilMs: nowMs + openMs };
}
