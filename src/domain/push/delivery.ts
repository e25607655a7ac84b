/**
 * One delivery: one event that one endpoint is to be told. Plain JSON, without texts.
 *
 *              +-------- take -------> sending ---- 2xx ----------------------------> delivered
 *              |                       |  |  |
 *   due <------+--- anything else -----+  |  +----- anything else, and its ticket ---> failed
 *    | ^       |    (a step later)        |         is forgotten before the next step
 *    | |       +--- given back, -----------+------- its ticket is gone -------------> dropped
 *    | |            its lease is over
 *    | +---- redelivered (from any state) -------------------------------------------
 *    +------ its endpoint was removed, or has too many waiting ---------------------> dropped
 *
 * A delivery may be made twice, where an answer or a process was lost, and is never lost: its event's id stays the same. It is forgotten with its
 * ticket, in whatever state it is.
 */

export interface Delivery {
  readonly version: 1;
  /** A UUID, by which it is known outside (`deliveryIdOf`). */
  readonly id: string;
  readonly tenant: string;
  /** The endpoint's name. */
  readonly endpoint: string;
  readonly eventId: string;
  readonly type: string;
  readonly ticketId: string;
  /** When the ticket ended. */
  readonly createdAtMs: number;
  readonly forgetAtMs: number;
  /** Attempts begun. */
  readonly attempts: number;
  /** Failures since it was entered, or redelivered. */
  readonly step: number;
  /** HTTP status of the last answer. Absent: there was none yet. */
  readonly lastStatus?: number;
  /** Of the last attempt. Absent: it was good, or none was made. */
  readonly lastError?: DeliveryError;
  readonly state: DeliveryState;
}

type DeliveryState =
  | { readonly status: "due"; readonly dueMs: number }
  /** Under a lease: `attempts` is its token. */
  | { readonly status: "sending"; readonly leaseEndsAtMs: number }
  | { readonly status: "delivered"; readonly atMs: number }
  | { readonly status: "failed"; readonly atMs: number }
  | { readonly status: "dropped"; readonly atMs: number };

/** Why an attempt was in vain, in one word. */
type DeliveryError = "refused" | "timeout" | "tls" | "blocked" | "status" | "other";

export type AttemptEnd =
  /** Answered. `retryAfterMs`: as asked by the receiver; absent: it did not ask. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterMs?: number | null }
  | { readonly kind: Exclude<DeliveryError, "status"> }
  /** Nothing was sent, and nothing is known: its process stops. */
  | { readonly kind: "given_back" }
  /** Nothing was sent: its ticket is gone. */
  | { readonly kind: "ticket_gone" };

/** What an end says of the receiver. */
export type Reception = "good" | "bad" | "gone" | "nothing";

/** What is entered: the end of a ticket. */
export interface EventToTell {
  readonly eventId: string;
  readonly type: string;
  readonly tenant: string;
  readonly ticketId: string;
  readonly endedAtMs: number;
  readonly forgetAtMs: number;
}

/** Waits after the first failure, the second, and so on; the last for all that follow. */
const stepsMs = [5_000, 60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];
/** Each wait is longer or shorter by up to this share. */
const jitter = 0.2;
/** After a 429, and after a timeout. */
const leastBusyMs = 60_000;

export function newDelivery(event: EventToTell, endpoint: string, nowMs: number): Delivery {
  const { eventId, type, tenant, ticketId, endedAtMs, forgetAtMs } = event;
  return {
    version: 1,
    id: deliveryIdOf(ticketId, endpoint),
    tenant,
    endpoint,
    eventId,
    type,
    ticketId,
    createdAtMs: endedAtMs,
    forgetAtMs,
    attempts: 0,
    step: 0,
    // Where it ended by another clock, it waits for nobody.
    state: { status: "due", dueMs: Math.min(endedAtMs, nowMs) },
  };
}

/** Is it still to be told? */
export function isPending({ state }: Delivery): boolean {
  return state.status === "due" || state.status === "sending";
}

export function takenDelivery(delivery: Delivery, nowMs: number, leaseMs: number): Delivery {
  return {
    ...delivery,
    attempts: delivery.attempts + 1,
    state: { status: "sending", leaseEndsAtMs: nowMs + leaseMs },
  };
}

/** Its process has died, perhaps before it was sent: at once again. */
export function lapsedDelivery(delivery: Delivery, nowMs: number): Delivery {
  return { ...delivery, state: { status: "due", dueMs: Math.min(delivery.createdAtMs, nowMs) } };
}

/** @param random uniform in [0, 1) */
export function settledDelivery(
  delivery: Delivery,
  end: AttemptEnd,
  nowMs: number,
  random: number,
): Delivery {
  switch (end.kind) {
    case "given_back":
      return lapsedDelivery({ ...delivery, attempts: delivery.attempts - 1 }, nowMs);
    case "ticket_gone":
      return droppedDelivery({ ...delivery, attempts: delivery.attempts - 1 }, nowMs);
    case "status":
      if (isGood(end.status)) {
        const { lastError: _before, ...rest } = delivery;
        return { ...rest, lastStatus: end.status, state: { status: "delivered", atMs: nowMs } };
      }
      return failedAttempt({ ...delivery, lastStatus: end.status, lastError: "status" }, end, nowMs, random);
    case "refused":
    case "timeout":
    case "tls":
    case "blocked":
    case "other":
      return failedAttempt({ ...delivery, lastError: end.kind }, end, nowMs, random);
  }
}

export function droppedDelivery(delivery: Delivery, nowMs: number): Delivery {
  return { ...delivery, state: { status: "dropped", atMs: nowMs } };
}

/** As if it had never been tried; one that is under way is. */
export function redelivered(delivery: Delivery, nowMs: number): Delivery {
  if (delivery.state.status === "sending") return delivery;
  return { ...delivery, step: 0, state: { status: "due", dueMs: nowMs } };
}

export function receptionOf(end: AttemptEnd): Reception {
  switch (end.kind) {
    case "status":
      if (isGood(end.status)) return "good";
      return end.status === 410 ? "gone" : "bad";
    case "refused":
    case "timeout":
    case "tls":
    case "blocked":
    case "other":
      return "bad";
    case "given_back":
    case "ticket_gone":
      return "nothing";
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

function failedAttempt(delivery: Delivery, end: AttemptEnd, nowMs: number, random: number): Delivery {
  const dueMs = nowMs + waitMs(delivery.step, end, random);
  const step = delivery.step + 1;
  // The receiver wants no more of it, or there will be nothing to tell.
  const isOver = receptionOf(end) === "gone" || dueMs >= delivery.forgetAtMs;
  return { ...delivery, step, state: isOver ? { status: "failed", atMs: nowMs } : { status: "due", dueMs } };
}

function waitMs(step: number, end: AttemptEnd, random: number): number {
  const stepMs = stepsMs[Math.min(step, stepsMs.length - 1)] ?? 0;
  const ownMs = stepMs * (1 - jitter + random * jitter * 2);
  const askedMs = end.kind === "status" ? (end.retryAfterMs ?? 0) : 0;
  const isBusy = end.kind === "timeout" || (end.kind === "status" && end.status === 429);
  const leastMs = isBusy ? leastBusyMs : 0;
  return Math.round(Math.max(ownMs, Math.min(askedMs, stepMs * 2), leastMs));
}

/** The same each time that this end is entered for this endpoint, so that it is entered once. @param ticketId a UUID */
export function deliveryIdOf(ticketId: string, endpoint: string): string {
  const cut = ticketId.length - 12;
  const tail = Number.parseInt(ticketId.slice(cut), 16);
  // Below 2^45, so that Lua counts exactly too.
  let hash = 0;
  for (let at = 0; at < endpoint.length; at++)
    hash = (hash * 131 + endpoint.charCodeAt(at)) % 35_184_372_088_832;
  const mixed = (tail + hash) % 281_474_976_710_656;
  return `${ticketId.slice(0, cut)}${mixed.toString(16).padStart(12, "0")}`;
}
