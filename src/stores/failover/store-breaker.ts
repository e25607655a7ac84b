/**
 * May the primary store be asked? Pure.
 *
 *            +-- second failure in a row, or connection known to be down --+
 *            |                                                             v
 *   closed --+                            +------- a second later ------ open
 *     ^                                   v                                ^
 *     +---------- it answers --------- probing -------- it doesn't --------+
 *
 * While it is not closed nothing asks the store but the probe. It begins open: at a start nobody knows.
 */
export type StoreBreaker =
  | {
      readonly state: "closed";
      /** Failures in a row: the next one opens. */
      readonly failures: 0 | 1;
    }
  | { readonly state: "open"; readonly probeAtMs: number }
  | { readonly state: "probing" };

/** Between the end of a probe, or the opening, and the next probe. */
export const probeMs = 1_000;

const closed: StoreBreaker = { state: "closed", failures: 0 };

/** Nobody knows yet: the first probe may go at once. */
export function unknownStore(nowMs: number): StoreBreaker {
  return { state: "open", probeAtMs: nowMs };
}

/** The store has answered a call. One that was sent before it went away proves nothing of now. */
export function answered(breaker: StoreBreaker): StoreBreaker {
  switch (breaker.state) {
    case "closed":
      return breaker.failures === 0 ? breaker : closed;
    case "open":
    case "probing":
      return breaker;
  }
}

/** It has not answered a call in time, or the connection broke. */
export function failed(breaker: StoreBreaker, nowMs: number): StoreBreaker {
  switch (breaker.state) {
    case "closed":
      return breaker.failures === 0 ? { state: "closed", failures: 1 } : lost(breaker, nowMs);
    case "open":
    case "probing":
      return breaker;
  }
}

/** There is no connection. */
export function lost(breaker: StoreBreaker, nowMs: number): StoreBreaker {
  switch (breaker.state) {
    case "closed":
      return { state: "open", probeAtMs: nowMs + probeMs };
    case "open":
    case "probing":
      return breaker;
  }
}

/** @returns the same value: there is no probe to send now */
export function probe(breaker: StoreBreaker, nowMs: number): StoreBreaker {
  switch (breaker.state) {
    case "open":
      return nowMs < breaker.probeAtMs ? breaker : { state: "probing" };
    case "closed":
    case "probing":
      return breaker;
  }
}

/** What came of the probe. */
export function probed(breaker: StoreBreaker, isBack: boolean, nowMs: number): StoreBreaker {
  switch (breaker.state) {
    case "probing":
      return isBack ? closed : { state: "open", probeAtMs: nowMs + probeMs };
    case "closed":
    case "open":
      return breaker;
  }
}
