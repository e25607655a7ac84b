/** What can be said of how long a ticket waits. */

/** What is known of a waiting ticket's turn. */
export interface Forecast {
  /** 1: next. */
  readonly position: number;
  /** From when on the gate lets tickets through, in epoch milliseconds; `null`: nobody can say. */
  readonly opensAtMs: number | null;
  /** Its own backoff, or its model's pause. */
  readonly notBeforeMs: number;
  /** How long the queue takes for one ticket; `null`: not known. */
  readonly msPerTicket: number | null;
}

/** Until its next attempt, in milliseconds; `null` where no estimate can be made. Supposes that the next probe succeeds. */
export function estimatedWaitMs(forecast: Forecast, nowMs: number): number | null {
  const { position, opensAtMs, notBeforeMs, msPerTicket } = forecast;
  if (opensAtMs === null) return null;
  const before = position - 1;
  if (before > 0 && msPerTicket === null) return null;
  const inLineMs = Math.max(0, opensAtMs - nowMs) + before * (msPerTicket ?? 0);
  return Math.round(Math.max(inLineMs, notBeforeMs - nowMs));
}

/** For `estimated_wait_minutes`: whole minutes, rounded up. */
export function waitMinutes(waitMs: number | null): number | null {
  return waitMs === null ? null : Math.ceil(waitMs / 60_000);
}

/**
 * For `retry_after`: whole seconds until the next attempt can be expected, at least 1.
 *
 * @param waitMs the estimate; `null`: there is none
 * @param otherwiseMs when there is none: until the gate next lets somebody try
 */
export function retryAfterSeconds(waitMs: number | null, otherwiseMs: number): number {
  return Math.max(1, Math.ceil((waitMs ?? otherwiseMs) / 1000));
}
