/** What can be asked of the script (`main.ts`), and what it answers: the same types on both sides. All of it is JSON; `null` is absent in Redis. */
import type { Whose } from "../../../domain/gate/breaker.ts";
import type { GateChange } from "../../../domain/gate/changes.ts";
import type { GateLimits } from "../../../domain/gate/gate.ts";
import type { GateOrder, Halt } from "../../../domain/gate/halt.ts";
import type { Requeueing } from "../../../domain/gate/queue.ts";
import type { KeyedEnd } from "../../../domain/idempotency.ts";
import type { CallReport } from "../../../domain/gate/call-report.ts";
import type { QueueItem } from "../../../domain/gate/places.ts";
import type { AttemptEnd, EventToTell } from "../../../domain/push/delivery.ts";
import type { KnownEndpoint } from "../../../domain/push/endpoint.ts";
import type { TicketEvent } from "../../../domain/ticket/ticket.ts";
import type { DeliveryQuery } from "../../../gateway/delivery-store.ts";

export type Call = GateCalls | KeyCall | DueCall | BusCall | DeliveryCall;

interface DueCall {
  readonly verb: "due";
  readonly limit: number;
  /** Of the newest records that the caller can read. */
  readonly version: number;
}

/** Of each call, beside what it asks. */
export interface Common {
  /** Epoch milliseconds instead of Redis' own clock: for tests. */
  readonly nowMs?: number;
}

/** Calls of one moment about one gate and its tickets, carried out in their order in one run. Each has an answer of its own. */
export interface GateCalls {
  readonly verb: "at_gate";
  readonly provider: string;
  readonly limits: GateLimits;
  /** Uniform in [0, 1). */
  readonly random: number;
  /** There is a bus, which is to hear of what happens to tickets here. Absent: there is none, or older code asks. */
  readonly bus?: true;
  /** With the number of texts that each has among those that follow. */
  readonly calls: readonly ((GateCall | TicketCall) & { readonly texts: number })[];
}

export type GateCall =
  | { readonly verb: "enter"; readonly permit: string; readonly whose: Whose }
  | { readonly verb: "exchange"; readonly reportId: string; readonly callReports: readonly CallReport[] }
  | { readonly verb: "outlook"; readonly ticketId: string }
  | { readonly verb: "overview"; readonly tenant: string | null }
  | { readonly verb: "order"; readonly order: GateOrder }
  | { readonly verb: "started" };

/** What the script must know of a ticket, whose record it only stores. */
export interface Facts {
  /** Of the record. */
  readonly version: number;
  readonly expiresAtMs: number;
  /** The number of its latest event, and of its latest claim. */
  readonly events: number;
  readonly fence: number;
  /** `null`: it has not ended. */
  readonly forgetAtMs: number | null;
  /** The record itself has a claim: it was written since that was made. Absent: it has none. */
  readonly claimed?: true;
}

/** What a gate is told of a change. */
export type WrittenNotice =
  | { readonly kind: "enqueue"; readonly notBeforeMs: number }
  | { readonly kind: "requeue"; readonly requeueing: Requeueing }
  | { readonly kind: "remove"; readonly keptBytes: number }
  | { readonly kind: "nothing" };

interface Written {
  readonly item: QueueItem;
  /** Whose it is, by name. */
  readonly owner: string;
  readonly facts: Facts;
  readonly notice: WrittenNotice;
  /** When something happens to it by itself; `null`: nothing will, but that it is forgotten. */
  readonly dueMs: number | null;
  /** It has ended by this, or elsewhere before: it enters its owner's feed. Absent from older code, and otherwise. */
  readonly ends?: true;
  /** What it took for the script's clock: of another moment it is to be made again. Absent from older code. */
  readonly atMs?: number;
  /** It has ended by this, and endpoints are to be told. */
  readonly told?: ToldEnd;
}

/** Who is to be told of a ticket's end. */
export interface ToldEnd {
  readonly event: EventToTell;
  readonly endpoints: readonly KnownEndpoint[];
  /** Of an endpoint: what comes beyond is dropped. */
  readonly maxPending: number;
}

/** The record, the texts (empty: none, or as they were) and the events, each as JSON, follow the call as arguments of their own. */
export type TicketCall =
  /** `always`: whatever the watermark, for it was accepted elsewhere. */
  | ({ readonly verb: "create"; readonly always: boolean } & Written)
  /** Where it is still as it was read. */
  | ({ readonly verb: "change"; readonly revision: number } & Written)
  /** As many as may be called for now, at most as there are permits and as is the caller's share: found and claimed in one. */
  | {
      readonly verb: "take";
      readonly permits: readonly string[];
      /** Tickets that the caller has in flight: they count against its share, which is at least one more. */
      readonly inFlight: number;
      /** Of calls whose answer did not arrive: what they claimed comes with this one. */
      readonly lost: readonly string[];
      /** Of the newest records that the caller can read. */
      readonly version: number;
    }
  /** Takes back one that nobody was told of, unless it was worked on. */
  | { readonly verb: "withdraw"; readonly ticketId: string };

/** Of what is still to be sent to the bus. One process sends at a time: who has the lease. */
export type BusCall =
  /** The oldest, where nobody else sends; and the lease, which is prolonged. Without `most` nothing but that. */
  | { readonly verb: "bus_take"; readonly relay: string; readonly most: number; readonly leaseMs: number }
  /** They were sent, or are not to be: they go. */
  | { readonly verb: "bus_sent"; readonly entries: readonly string[] }
  | { readonly verb: "bus_release"; readonly relay: string };

/** What waits for the bus, stored as JSON. What else is said of the ticket stands in its record. */
export interface BusEntry {
  readonly id: string;
  /** When it was noted. */
  readonly at: number;
  readonly event:
    | TicketEvent
    | { readonly number: number; readonly atMs: number; readonly kind: "withdrawn" };
  /** Of a ticket that was withdrawn, which has no record any more. */
  readonly record?: string;
}

/** A claim that is not in the record yet: it was made by the script, which can't read records. */
export interface LateClaim {
  readonly permit: string;
  readonly asProbe: boolean;
  readonly atMs: number;
  readonly leaseMs: number;
}

export type StartedEvent = Extract<TicketEvent, { kind: "started" }>;

/** The body of an `answered` end follows the call as an argument of its own. */
export type KeyCall =
  | {
      readonly verb: "begin_key";
      readonly name: string;
      readonly requestSha256: string;
      readonly queueId: string;
      readonly leaseMs: number;
    }
  | {
      readonly verb: "end_key";
      readonly name: string;
      readonly fence: number;
      readonly end: Exclude<KeyedEnd, { kind: "answered" }> | { readonly kind: "answered" };
    };

/** The verbs of `engine/deliveries.ts`. */
export type DeliveryCall = {
  /** Uniform in [0, 1). */
  readonly random: number;
} & (
  | {
      readonly verb: "take_deliveries";
      readonly endpoints: readonly KnownEndpoint[];
      readonly most: number;
      readonly leaseMs: number;
    }
  | {
      readonly verb: "settle_delivery";
      readonly id: string;
      readonly lease: number;
      readonly end: AttemptEnd;
    }
  | {
      readonly verb: "tidy_deliveries" | "next_delivery" | "endpoint_health";
      readonly endpoints: readonly KnownEndpoint[];
    }
  | { readonly verb: "endpoint_tested"; readonly endpoint: KnownEndpoint }
  | { readonly verb: "redeliver"; readonly tenant: string; readonly id: string }
  | { readonly verb: "page_deliveries"; readonly query: DeliveryQuery }
);

/** How a gate stands after a call. */
export interface Schedule {
  /** The script's clock. */
  readonly nowMs: number;
  /** When tickets can be taken, or something is due: a pause, a claim, a ticket's time. `null`: nothing is to come. */
  readonly wakeAtMs: number | null;
  /** Processes that listen, where that was new or tickets were taken; `null`: not counted. */
  readonly listeners: number | null;
  /** Absent: no operator has halted the gate. */
  readonly halt?: Halt;
  /** What operators are to hear of the gate; absent: nothing. */
  readonly changes?: readonly GateChange[];
}
