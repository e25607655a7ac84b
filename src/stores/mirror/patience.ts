/**
 * Whether a secondary store is asked at all, by how it has answered. Plain values: the caller keeps them.
 *
 *            +------------- an answer -------------+
 *            v                                     |
 *         patient -- the third failure in a row -> resting -- 5 s are over: one asks, the rest begins again
 */
export interface Patience {
  readonly failuresInRow: number;
  /** Epoch milliseconds. */
  readonly restsUntilMs: number;
}

export const patient: Patience = { failuresInRow: 0, restsUntilMs: 0 };

const mostFailures = 3;
const restMs = 5_000;

export function isResting({ failuresInRow }: Patience): boolean {
  return failuresInRow >= mostFailures;
}

/** @returns `null`: don't ask now. Otherwise ask, and go on from there */
export function ask(patience: Patience, nowMs: number): Patience | null {
  if (!isResting(patience)) return patience;
  const leftMs = patience.restsUntilMs - nowMs;
  // A clock that was set back must not make it a long rest.
  return leftMs > 0 && leftMs <= restMs ? null : { ...patience, restsUntilMs: nowMs + restMs };
}

export function failed({ failuresInRow }: Patience, nowMs: number): Patience {
  return { failuresInRow: failuresInRow + 1, restsUntilMs: nowMs + restMs };
}
