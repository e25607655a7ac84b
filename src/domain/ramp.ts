/** After a recovery a backlog comes back step by step, so that it doesn't knock a provider or a receiver over: 1 in flight, 3, 9, and so on. */

export interface Ramp {
  /** In flight at most. */
  readonly allowed: number;
  /** Good answers since this step began. As many as are allowed lead to the next. */
  readonly good: number;
}

export const rampStart: Ramp = { allowed: 1, good: 0 };

/** @returns `null` when the ramp allows as many as there are permits: it is over */
export function climb(ramp: Ramp, concurrency: number): Ramp | null {
  const good = ramp.good + 1;
  if (good < ramp.allowed) return { ...ramp, good };
  const allowed = ramp.allowed * 3;
  return allowed < concurrency ? { allowed, good: 0 } : null;
}
