/**
 * The record of one `Idempotency-Key` of one tenant: what was asked under it, and what came of that. Plain JSON.
 *
 *   (none) --begin--> open --judged--> answered        forgotten 24 h after it was begun,
 *     ^                | ^  \--kept--> ticketed         or with its ticket where that is later
 *     +---- freed -----+ +-- begin again, once its lease is over
 */
import { decodeRecord, type Decoded } from "./record.ts";

export interface Keyed {
  readonly version: 1;
  /** Of the validated comparison, without its correlation id. */
  readonly requestSha256: string;
  /** The id that its ticket has, should it become one. */
  readonly queueId: string;
  /** The token of the latest `begin`: every one is higher than those before. */
  readonly fence: number;
  readonly state:
    | { readonly kind: "open"; readonly leaseEndsAtMs: number }
    /** The body of the 200, as it was sent. */
    | { readonly kind: "answered"; readonly body: string }
    | { readonly kind: "ticketed" };
  /** 24 h after it was first begun: from then on it is kept for its ticket alone. */
  readonly dayEndsAtMs: number;
  readonly forgetAtMs: number;
}

export type Begun =
  /** Go on, and say what came of it with this token. */
  | {
      readonly kind: "begun";
      readonly queueId: string;
      readonly fence: number;
      /** Somebody had it before and died: there may be a ticket already. */
      readonly again: boolean;
    }
  /** Another request with it is under way. */
  | { readonly kind: "busy"; readonly untilMs: number }
  /** It was used for another comparison. `ticket`: which one is kept for it; absent from older code, and where there is none. */
  | { readonly kind: "mismatch"; readonly ticket?: { readonly queueId: string; readonly fence: number } }
  | { readonly kind: "answered"; readonly body: string }
  /** `mayEnd`: the day is over, so where its ticket is forgotten the key can be freed with this token. */
  | { readonly kind: "ticketed"; readonly queueId: string; readonly fence: number; readonly mayEnd: boolean };

const dayMs = 86_400_000;

/**
 * @param stored `null`: there is no record
 * @param queueId for a new record
 * @param leaseMs longer than the request can take
 */
export function beginKeyed(
  stored: Keyed | null,
  requestSha256: string,
  queueId: string,
  leaseMs: number,
  nowMs: number,
): { readonly record: Keyed; readonly reply: Begun } {
  const lease = { kind: "open", leaseEndsAtMs: nowMs + leaseMs } as const;
  const known = stored === null ? null : withinReach(stored, leaseMs, nowMs);
  if (known === null || nowMs >= known.forgetAtMs) {
    // From the clock, so that no token of a record that was freed is ever given again.
    const fence = nowMs;
    const fresh: Keyed = {
      version: 1,
      requestSha256,
      queueId,
      fence,
      state: lease,
      dayEndsAtMs: nowMs + dayMs,
      forgetAtMs: nowMs + dayMs,
    };
    return { record: fresh, reply: { kind: "begun", queueId, fence, again: false } };
  }
  const { state } = known;
  if (known.requestSha256 !== requestSha256) {
    const ticket = state.kind === "ticketed" && { queueId: known.queueId, fence: known.fence };
    return { record: known, reply: { kind: "mismatch", ...(ticket && { ticket }) } };
  }
  switch (state.kind) {
    case "answered":
      return { record: known, reply: state };
    case "ticketed":
      return {
        record: known,
        reply: {
          kind: "ticketed",
          queueId: known.queueId,
          fence: known.fence,
          mayEnd: nowMs >= known.dayEndsAtMs,
        },
      };
    case "open": {
      if (nowMs < state.leaseEndsAtMs) {
        return { record: known, reply: { kind: "busy", untilMs: state.leaseEndsAtMs } };
      }
      // Whoever had it died. Its ticket, if it came so far, has the same id.
      const fence = Math.max(known.fence + 1, nowMs);
      return {
        record: { ...known, fence, state: lease },
        reply: { kind: "begun", queueId: known.queueId, fence, again: true },
      };
    }
  }
}

/** Clocks of one store's parts differ by fractions of a second. */
const slackMs = 2_000;

/**
 * After the clock was set back, which shows by a token from the future: a lease, and a day, are no further away than they last. @returns the same
 * value where they aren't; any other is to be stored, or it would move along with the clock
 */
function withinReach(known: Keyed, leaseMs: number, nowMs: number): Keyed {
  const { state, fence } = known;
  if (fence - nowMs < slackMs) return known;
  const leaseIsFar = state.kind === "open" && state.leaseEndsAtMs > nowMs + leaseMs;
  const dayIsFar = known.dayEndsAtMs > nowMs + dayMs;
  if (!leaseIsFar && !dayIsFar) return known;
  const dayEndsAtMs = Math.min(known.dayEndsAtMs, nowMs + dayMs);
  // With its ticket, where that is later: as much earlier as the day.
  const forgetAtMs = known.forgetAtMs - (known.dayEndsAtMs - dayEndsAtMs);
  const open = leaseIsFar ? { ...state, leaseEndsAtMs: nowMs + leaseMs } : state;
  return { ...known, state: open, dayEndsAtMs, forgetAtMs };
}

/** Whoever had the request under way is dead: whoever comes with the key next goes on at once. @returns the same where nobody had */
export function ownerDied(known: Keyed, nowMs: number): Keyed {
  const { state } = known;
  switch (state.kind) {
    case "open":
      return { ...known, state: { kind: "open", leaseEndsAtMs: Math.min(state.leaseEndsAtMs, nowMs) } };
    case "answered":
    case "ticketed":
      return known;
  }
}

export type KeyedEnd =
  | { readonly kind: "answered"; readonly body: string }
  /** `forgetAtMs`: the latest moment at which the ticket itself is forgotten. */
  | { readonly kind: "ticketed"; readonly forgetAtMs: number }
  /** A 4xx or 5xx, or its ticket is forgotten: the key may be used again. */
  | { readonly kind: "freed" };

/** Is this the token of the latest `begin`? Where it isn't, another has the key. */
export function ownsKey(known: Keyed | null, fence: number): boolean {
  return known?.fence === fence;
}

/** @returns the record to store; `null`: none is left. With a stale token nothing changes. */
export function endKeyed(known: Keyed | null, fence: number, end: KeyedEnd): Keyed | null {
  if (known === null || known.fence !== fence) return known;
  const isOver = known.state.kind === "ticketed" && end.kind === "freed";
  if (known.state.kind !== "open" && !isOver) return known;
  switch (end.kind) {
    case "answered":
      return { ...known, state: end };
    case "ticketed":
      return {
        ...known,
        state: { kind: "ticketed" },
        forgetAtMs: Math.max(known.forgetAtMs, end.forgetAtMs),
      };
    case "freed":
      return null;
  }
}

/** @param stored what JSON holds */
export function decodeKeyed(stored: unknown): Decoded<Keyed> {
  return decodeRecord<Keyed>(stored, 1);
}
