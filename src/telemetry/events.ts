/**
 * Everything that is told of the service's life, on one page: what happened, and what was measured of it. The lines of the log
 * (`lines.ts`), the metrics (`metrics/meter.ts`) and the spans (`tracing/recorder.ts`) are made from these and from nothing else. What is called by a name here is called so in
 * the log, where others rely on the name. No text of a prompt, an essay, an answer or a key is in any of them.
 */
import type { ProcessingMode, ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { GateChange } from "../domain/gate/changes.ts";
import type { Plan } from "../domain/judging/plan.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { Result } from "../domain/result.ts";
import type { TicketEnd } from "../domain/ticket/ticket-end.ts";
import type { RequestSpan, Span, SpanContext } from "./tracing/context.ts";

export type TelemetryEvent =
  | { readonly kind: "request_began" }
  | RequestEvent
  | AttemptEvent
  | TicketKept
  | TicketWorked
  | TicketEnded
  | GateEvent
  | StoreEvent
  | BusTelling
  | ProcessEvent
  | FaultEvent
  | OperatorEvent
  | WebhookEvent
  /** Fields of a comparison that nobody reads. */
  | {
      readonly kind: "unknown_fields";
      readonly correlationId: string;
      readonly traceId: string | null;
      readonly fields: readonly string[];
    }
  /** A bug of ours, beside the `request` that met it. */
  | {
      readonly kind: "unexpected_error";
      readonly correlationId: string;
      readonly traceId: string | null;
      /** The ticket that the request asked for. */
      readonly queueId: string | null;
      readonly errorName: string;
      readonly stack: readonly string[];
    };

/** Tells whoever listens. Never throws, and costs no I/O where it is called. */
export type Tell = (event: TelemetryEvent) => void;

/** A request was answered, or refused. */
export interface RequestEvent {
  readonly kind: "request";
  readonly correlationId: string | undefined;
  /** 32 hex digits; `null`: the request is in no trace, neither of its caller nor of ours. */
  readonly traceId: string | null;
  /** `null`: nobody records spans, or the platform has its own. */
  readonly span: RequestSpan | null;
  /** The ticket that it asked for, or was given. */
  readonly queueId: string | null;
  readonly tenant: string | null;
  readonly method: string;
  /** The route's pattern; `null`: the request was refused before any route was looked for. */
  readonly route: string | null;
  readonly status: number;
  readonly durationMs: number;
  readonly provider: ProviderName | null;
  /** As the API calls it; `null`: nothing went wrong. */
  readonly errorType: string | null;
  /** `null`: no comparison was asked for. */
  readonly comparison: ComparisonMeasures | null;
}

export interface ComparisonMeasures {
  /** `null`: the request could not be read. */
  readonly mode: ProcessingMode | null;
  readonly result: "judged" | "kept" | "refused";
  /** Why no call was made though one was wanted, or no ticket kept. */
  readonly turnedAway: TurnedAway | null;
  /** `null`: it brought no `Idempotency-Key`. */
  readonly keyed: KeyedOutcome | null;
  /** Of a judgement that was made for it: all its time but that of the vendor's calls and of our waits; `null`: not measured. */
  readonly overheadMs: number | null;
}

export type TurnedAway = "breaker" | "rate_limit" | "queue_full" | "crowded";
export type KeyedOutcome = "first" | "replayed" | "in_progress" | "mismatch";

/** A call to a vendor was made. */
export interface AttemptEvent {
  readonly kind: "attempt";
  /** For whom: a request that waits for it, a ticket, or somebody who tries the provider out. */
  readonly lane: "live" | "ticket" | "test";
  readonly correlationId: string;
  readonly traceId: string | null;
  /** As in `RequestEvent`. */
  readonly span: Span | null;
  /** `null`: for no ticket. */
  readonly queueId: string | null;
  readonly tenant: string;
  readonly provider: ProviderName;
  /** The model that was asked for. */
  readonly model: string;
  /** How it was asked. */
  readonly plan: Plan;
  /** As resolved; the plan may have raised it. */
  readonly maxTokens: number;
  /** Which call for its comparison, from 1. */
  readonly attempt: number;
  /** Why the call before it failed, where this one is made for that; `null`: there was none, or it answered. */
  readonly retryOf: Failure["reason"] | null;
  /** The one more ask after an answer that was no judgement. */
  readonly isReask: boolean;
  readonly durationMs: number;
  readonly reply: {
    /** `model`: the one that says it answered. */
    readonly outcome: Result<{ readonly model: string }, Failure>;
    readonly usage: Usage | null;
    /** The vendor's own id for the call. */
    readonly requestId: string | null;
    readonly status: number | null;
  };
  /** US dollars; `null` where it is not known. */
  readonly costUsd: number | null;
  /** What is left after the answer was read: `null` for a judgement. */
  readonly failure: Failure | null;
  /** What was read; `null`: no judgement. */
  readonly judgement: {
    /** By the names that the judge was shown: Essay A is the one that it read first. */
    readonly winner: "Essay A" | "Essay B";
    readonly confidence: number;
    readonly normalizations: readonly string[];
  } | null;
}

/** Whose a ticket is. */
export interface OfTicket {
  readonly queueId: string;
  readonly correlationId: string;
  readonly traceId: string | null;
  /** The span that kept it; `null`: it was not recorded. */
  readonly accepted: SpanContext | null;
  readonly tenant: string;
  readonly provider: ProviderName;
  readonly model: string;
}

/** A comparison is stored as a ticket, durably. */
export interface TicketKept extends OfTicket {
  readonly kind: "ticket_kept";
  readonly span: Span | null;
  /** Why there is no judgement now: the failure of a call, what the gate said, or `asked` for a ticket. */
  readonly reason: string;
}

/** A ticket was claimed, and what came of its call is stored, or was tried to be. No line of the log: its calls have theirs. */
export interface TicketWorked extends OfTicket {
  readonly kind: "ticket_worked";
  readonly span: Span | null;
  /** `stopped`: the process ends. `threw`: a bug of ours. */
  readonly outcome: "judged" | "failed" | "stopped" | "threw";
  /** Why there is no judgement; `null`: there is one, or it was no failure. */
  readonly reason: Failure["reason"] | null;
}

/** A ticket has come to its end, and that is stored. */
export type TicketEnded = OfTicket & { readonly kind: "ticket_ended" } & TicketEnd;

/** Whom a provider's gate lets through has changed, and that is stored. Told once, by who stored it. */
export type GateEvent = GateChange & { readonly provider: ProviderName };

/** What is the matter with a store, as `StoreTrouble` of the ports has it. */
interface Trouble {
  readonly error: string;
  readonly code: string;
}

/** Of two stores, the one before the other. */
export type FailoverEvent =
  /** The primary store; told again where what is the matter has changed. */
  | { readonly kind: "store_away"; readonly trouble: Trouble | null }
  | { readonly kind: "store_back" }
  /** The primary store is there, but takes nothing new. */
  | { readonly kind: "store_refuses"; readonly trouble: Trouble }
  | { readonly kind: "store_accepts" }
  /** What of the primary store's settings breaks a promise, a sentence each, where that has changed. */
  | { readonly kind: "store_warnings"; readonly warnings: readonly string[] }
  /** So many tickets have moved to the primary store. */
  | { readonly kind: "tickets_moved"; readonly count: number }
  /** A judgement that was kept while the store was away came too late: the ticket is judged again, or was. */
  | { readonly kind: "spooled_too_late"; readonly queueId: string }
  /** A ticket that nobody was told of had been worked on before it could be withdrawn. */
  | { readonly kind: "judged_for_nobody"; readonly queueId: string };

export type StoreEvent =
  | (FailoverEvent & { readonly store: string })
  /** A secondary store, of copies. */
  | { readonly kind: "upstash_away"; readonly errorName: string; readonly trouble: Trouble };

/** Of the bus that hears of every ticket, by its kind. */
export type BusTelling =
  /** It has not taken what it was sent. Told once, until it has. */
  | {
      readonly kind: "bus_failing";
      readonly bus: string;
      /** Why, in a word: the system's, Kafka's, or an HTTP status. */
      readonly code: string;
      /** Events; `null`: each ticket knows its own. */
      readonly waiting: number | null;
    }
  | { readonly kind: "bus_back"; readonly bus: string; readonly waiting: number }
  /** So many events were older than tickets are kept for, and went unsent. */
  | { readonly kind: "bus_dropped"; readonly bus: string; readonly count: number };

/** Of this process, or isolate. */
type ProcessEvent =
  | {
      readonly kind: "started";
      readonly version: string;
      readonly platform: string;
      readonly environment: string;
      readonly url: string;
      readonly warnings: readonly string[];
    }
  /** Tickets of a provider that had not ended when the process started. */
  | {
      readonly kind: "found";
      readonly provider: ProviderName;
      readonly count: number;
      /** When the oldest was accepted. */
      readonly oldestAtMs: number | null;
    }
  | { readonly kind: "stopping"; readonly signal: string }
  | { readonly kind: "stopped"; readonly signal: string; readonly durationMs: number }
  | { readonly kind: "log_lines_dropped"; readonly count: number }
  /** Spans that nobody will see: whoever collects them was away, or slow. */
  | { readonly kind: "spans_dropped"; readonly count: number }
  | {
      readonly kind: "settings_wrong";
      readonly mistakes: readonly {
        readonly name: string;
        readonly found: string;
        readonly allowed: string;
      }[];
    };

/** Of those who operate the service. */
export type OperatorEvent =
  | {
      readonly kind: "operator_action";
      /** The operator's name. */
      readonly operator: string;
      readonly action: string;
      /** Absent: of a ticket that could not be read. */
      readonly provider?: ProviderName;
      /** Where it was done to a ticket: which one, and whose. */
      readonly queueId?: string;
      readonly tenant?: string;
      /** The store did not answer, and the operator was told so: nobody knows whether it was done, or will be when the store is back. */
      readonly isUnanswered?: true;
    }
  /** Somebody asked for what is an operator's, without an operator's key. Told a few times a minute at most: so many were not told before it. */
  | {
      readonly kind: "operator_refused";
      readonly correlationId: string;
      readonly route: string;
      readonly untold: number;
    };

/** Of endpoints that are told of tickets. Never a URL, nor what stood in an answer. */
export type WebhookEvent =
  | {
      readonly kind: "webhook_attempt";
      /** Of the event that was to be told. */
      readonly eventId: string;
      readonly queueId: string;
      readonly tenant: string;
      /** Its name. */
      readonly endpoint: string;
      /** From 1. */
      readonly attempt: number;
      /** `null`: there was no answer. */
      readonly status: number | null;
      /** Why there was none; `null`: there was one. */
      readonly failure: "refused" | "timeout" | "tls" | "blocked" | "other" | null;
      readonly durationMs: number;
    }
  /** One at a time is sent from now on, until one arrives. */
  | { readonly kind: "webhook_failing"; readonly tenant: string; readonly endpoint: string }
  /** Nothing is sent any more. */
  | {
      readonly kind: "webhook_off";
      readonly tenant: string;
      readonly endpoint: string;
      /** It has answered 410, or no 2xx for days. */
      readonly reason: "gone" | "silent";
    }
  | { readonly kind: "webhook_on"; readonly tenant: string; readonly endpoint: string };

/** What was not meant to happen, and nobody's request has met. The class of what was thrown alone: its text may quote a prompt. */
export interface FaultEvent {
  readonly kind:
    | "background_fault"
    | "gate_alarm_failed"
    | "gate_away"
    | "gate_start_failed"
    | "index_alarm_failed"
    | "key_alarm_failed"
    | "message_failed"
    | "message_unreadable"
    | "metrics_not_stored"
    | "queue_refused"
    | "recording_failed"
    | "ticket_alarm_failed"
    | "ticket_failed"
    | "ticket_silent";
  readonly errorName: string;
  /** The ticket that it was about; absent: about none, or many. */
  readonly queueId?: string;
}

export type FaultKind = FaultEvent["kind"];
