/**
 * A ticket: a comparison that was accepted to be judged later. Plain JSON.
 *
 *            +------- claim ------> processing --- judged -----------------------------> completed
 *            |                      |  |  |
 *   queued <-+- attempt or probe ---+  |  +------- final failure, attempts spent ------> failed
 *     |  ^      failed, refused,       |           third death alone
 *     |  |      given back             |
 *     |  +----- died: lease over ------+---------- any of these after its time --------+
 *     |                                                                                v
 *     +-------------------------- its time is over -------------------------------> expired
 *
 *   queued, processing -- cancelled by its owner, an operator or its set ---------> cancelled
 *
 * `completed`, `failed`, `expired` and `cancelled` are final; they hold no texts, and are forgotten after the retention. One that was cancelled
 * while a call for it was under way keeps that call's claim, and with it its place at the gate, until the call is settled or its lease is over.
 * The functions that move a ticket are in `moves.ts`.
 */
import type {
  Comparison,
  FrameVersion,
  Parameters,
  Presentation,
  ProviderName,
} from "../judging/comparison.ts";
import type { Failure } from "../failure.ts";
import { tokensOf } from "../gate/fair-order.ts";
import type { QueueItem } from "../gate/places.ts";
import type { Plan } from "../judging/plan.ts";
import { decodeRecord, type Decoded } from "../record.ts";
import type { Usage } from "../judging/usage.ts";

export interface Ticket {
  /** See `versionOf`. */
  readonly version: 1 | 2 | 3;
  readonly about: About;
  readonly progress: Progress;
  readonly state: TicketState;
}

/** What is fixed when it is accepted, and stays readable after it has ended. No later setting touches it. */
export interface About {
  readonly id: string;
  readonly tenant: string;
  readonly provider: ProviderName;
  readonly model: string;
  readonly parameters: Parameters;
  readonly plan: Plan;
  readonly promptSha256: string;
  /** By which its user text is made and its answer is read. Absent: 1, which asked for no boundary. */
  readonly frame?: FrameVersion;
  /** How the order of its essays was asked for; absent: as given. */
  readonly presentation?: Presentation;
  /** Its texts, plan and hash are of the caller's essays exchanged, while its judgement is in the caller's names. Absent: not exchanged. */
  readonly exchanged?: boolean;
  /** The same for both orders of a pair. Absent from older code. */
  readonly pairSha256?: string;
  /** 0 to 10. */
  readonly priority: number;
  /** UTF-8 bytes of its texts. */
  readonly sizeBytes: number;
  /** Bytes of all that is stored of it: texts, metadata, user id and the rest. Absent from older code: the texts alone count. */
  readonly storedBytes?: number;
  /** Those of metadata and user id, which it holds until it is forgotten. Absent from older code. */
  readonly keptBytes?: number;
  /** How its gate knows whose it is, and its model (`modelKey`). Absent from older code. */
  readonly keys?: { readonly tenant: string; readonly model: string };
  readonly correlationId: string;
  /** 32 hex digits; `null`: the request that brought it was not traced. */
  readonly traceId: string | null;
  /** The span that kept it, in the W3C's form: its attempts are linked to it. Absent from older code, and where nobody recorded it. */
  readonly traceparent?: string;
  readonly userId: string | null;
  /** The caller's own. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The same as it was written, which is what is echoed; absent: as `JSON.stringify` writes it. */
  readonly metadataText?: string;
  /** Where its end is told in place of its tenant's endpoints, and the name of the prefix that allows it. Absent: nowhere else; and from older code. */
  readonly callback?: Callback;
  /** Names of fields of its request that nobody reads; absent: none. */
  readonly ignoredFields?: readonly string[];
  readonly acceptedAtMs: number;
  readonly expiresAtMs: number;
}

/** A caller's own URL, for nobody to see: its path and query may be secrets. */
export interface Callback {
  readonly name: string;
  readonly url: string;
}

/** What a caller wrote, or the system prompt in force then, in the order that the judge is shown. Erased when the ticket ends. */
export type Texts = Pick<Comparison, "systemPrompt" | "userPrompt" | "essayA" | "essayB">;

/** What is optional is absent from older code, and where it never happened. */
export interface Progress {
  readonly updatedAtMs: number;
  /** Calls that it is charged with: answers that were no judgement, and faults while others were served. From 0. */
  readonly attempts: number;
  /** Calls that failed, whoever is charged with them; but no probes, and none that our account was refused for. */
  readonly failedAttempts: number;
  /**
   * When the latest claim was given, and the one before; of the first one, when it was accepted. Where the clock was set back before any claim, the
   * second alone.
   */
  readonly calledAtMs?: number;
  readonly calledBeforeMs?: number;
  /** When its first claim was given. */
  readonly firstCalledAtMs?: number;
  /** Faults in a row outside probes: its backoff doubles with them. */
  readonly faults?: number;
  /** Timeouts in a row, probes included: they are billed. */
  readonly timeouts?: number;
  /** When it was last charged with a fault. */
  readonly chargedAtMs?: number;
  /** When the model first answered it without a judgement. */
  readonly unreadableAtMs?: number;
  /** 429s in a row while others of its model were served, a minute apart, and when the latest was; and those that named no time. */
  readonly limited?: number;
  readonly limitedAtMs?: number;
  readonly limitedUnnamed?: number;
  /** Refusals in a row for which no gate paused its model. */
  readonly refusals?: number;
  /** Calls that threw, and when the first did. */
  readonly throws?: number;
  readonly thrownAtMs?: number;
  readonly spent: Spent;
  /** The token of the latest claim; 0: there was none. Every claim's is higher than the one before. */
  readonly fence: number;
  /** Of the latest claim: a claim asked for again is the same one, or over. */
  readonly lastPermit: string | null;
  /** The number of its latest event. */
  readonly events: number;
  /** The latest event whose consequence the gate has confirmed. */
  readonly gateHeard: number;
  /** It was in flight when its process died, and has had no clean run since. */
  readonly suspect: boolean;
  /** Deaths of a process in which no other suspect was in flight. */
  readonly deaths: number;
}

/** What all the calls for it came to: probes, the one more ask, and live calls before it was accepted included. */
export interface Spent {
  readonly calls: number;
  /** US dollars of the calls whose usage is known; `null`: of none, or the model's price is unknown. */
  readonly costUsd: number | null;
}

export type TicketState = Queued | Processing | Ended;

/** A ticket without its texts, as a secondary store may hold it: enough for status and results. */
export interface TicketCopy extends Omit<Ticket, "state"> {
  readonly state: Omit<Queued, "texts"> | Omit<Processing, "texts"> | Ended;
}

export interface Queued {
  readonly status: "queued";
  readonly texts: Texts;
  /** Its backoff. */
  readonly notBeforeMs: number;
  /** Why it waits: for its turn, or for what its latest call met. */
  readonly lastFailure: Failure | null;
}

export interface Processing {
  readonly status: "processing";
  readonly texts: Texts;
  readonly lastFailure: Failure | null;
  readonly claim: Claim;
}

/** Its token is `progress.fence`. */
export interface Claim {
  readonly permit: string;
  /** From this moment on it is nobody's, in epoch milliseconds. */
  readonly leaseEndsAtMs: number;
  /** The provider is being asked, not the ticket. */
  readonly asProbe: boolean;
}

interface End {
  readonly endedAtMs: number;
  /** From here on it is as if it had never been. */
  readonly forgetAtMs: number;
}

export type Ended =
  | (End & { readonly status: "completed"; readonly result: TicketResult })
  | (End & { readonly status: "failed"; readonly failure: TicketFailure })
  | (End & { readonly status: "expired"; readonly lastFailure: Failure | null })
  | Cancelled;

export type Cancelled = End & {
  readonly status: "cancelled";
  readonly cancelledBy: CancelledBy;
  /** The call that was under way, until it is over; `null`: there is none. */
  readonly claim: Claim | null;
};

export type CancelledBy = "owner" | "operator" | "set";

/** What a 200 needs besides `about` and `progress`. */
export interface TicketResult {
  readonly judgement: {
    readonly winner: "Essay A" | "Essay B";
    readonly justification: string;
    readonly confidence: number;
    readonly normalizations: readonly string[];
    readonly justificationAsShown?: string;
  };
  /** The model that says it answered. */
  readonly model: string;
  /** Of the answering call; `null` where the vendor did not say. */
  readonly usage: Usage | null;
  /** Of the answering call, in milliseconds. */
  readonly durationMs: number;
  /** Of the service that got it. Absent from older code. */
  readonly serviceVersion?: string;
}

/** `crashed`: its process died each time that it was called for. A bug of ours. */
export type TicketFailure = Failure | { readonly reason: "crashed" };

/** What happened to it, written with it in one transaction. Numbered from 1 without gaps; the terminal one is the last. No texts. */
export type TicketEvent = { readonly number: number; readonly atMs: number } & Happening;

export type Happening =
  | { readonly kind: "accepted" }
  | { readonly kind: "started"; readonly fence: number; readonly asProbe: boolean }
  | {
      readonly kind: "returned";
      readonly why: "attempt_failed" | "probe_failed" | "refused" | "given_back" | "died" | "threw";
      readonly reason: Failure["reason"] | null;
    }
  | { readonly kind: "completed" }
  | { readonly kind: "failed"; readonly reason: TicketFailure["reason"] }
  | { readonly kind: "expired" }
  | { readonly kind: "cancelled"; readonly cancelledBy: CancelledBy };

export interface TicketPolicy {
  /** From acceptance to expiry, in milliseconds. */
  readonly ttlMs: number;
  /** At least 1. */
  readonly maxAttempts: number;
  /** Longer than one attempt can take. */
  readonly leaseMs: number;
  /** How long it stays readable after it has ended. */
  readonly retentionMs: number;
  /** The first wait of a ticket for whose refusal no gate pauses its model. */
  readonly recoveryMs: number;
}

/** @param stored what JSON holds; texts that an adapter keeps beside it must be joined first */
export function decodeTicket<Stored extends TicketCopy = Ticket>(stored: unknown): Decoded<Stored> {
  const decoded = decodeRecord<Stored>(stored, 1);
  // The later ones say more, and are otherwise the same.
  const isKnown = decoded.kind === "newer" && decoded.version <= newestTicketVersion;
  return isKnown ? { kind: "known", value: stored as Stored } : decoded;
}

/** Of the records that this code can read. */
export const newestTicketVersion: Ticket["version"] = 3;

/**
 * Older code, that works beside this or after a rollback, leaves alone what is of a version that it doesn't know. 2: it was cancelled. 3: it waits with
 * its essays exchanged; older code would take the verdict for one in the caller's names. All else is written as 1, which all can read.
 */
export function versionOf(
  { exchanged }: Pick<About, "exchanged">,
  { status }: TicketState,
): Ticket["version"] {
  switch (status) {
    case "queued":
    case "processing":
      return exchanged === true ? 3 : 1;
    case "cancelled":
      return 2;
    case "completed":
    case "failed":
    case "expired":
      return 1;
  }
}

/** The comparison as resolved when it was accepted. Only a ticket that has not ended has it. */
export function comparisonOf({ about, state }: Ticket & { state: Queued | Processing }): Comparison {
  const { provider, model, parameters } = about;
  return { provider, model, ...state.texts, parameters };
}

export function isEnded(state: TicketState | TicketCopy["state"]): state is Ended {
  switch (state.status) {
    case "queued":
    case "processing":
      return false;
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
      return true;
  }
}

/** Should it be answered for as if it had never been, and removed? */
export function isForgotten({ state }: Ticket | TicketCopy, nowMs: number): boolean {
  return isEnded(state) && nowMs >= state.forgetAtMs;
}

/** When something happens to it by itself: it expires, its lease ends, or it is forgotten. Call `elapse` then (or remove it). */
export function ticketDueMs({ about, state }: Ticket): number {
  switch (state.status) {
    case "queued":
      return about.expiresAtMs;
    case "processing":
      return state.claim.leaseEndsAtMs;
    case "cancelled":
      return state.claim === null ? state.forgetAtMs : Math.min(state.claim.leaseEndsAtMs, state.forgetAtMs);
    case "completed":
    case "failed":
    case "expired":
      return state.forgetAtMs;
  }
}

/** What the gate must still be told. The ticket repeats it until the gate has answered, then notes it with `gateHeard`. */
export type GateNotice =
  | { readonly kind: "enqueue"; readonly event: number; readonly notBeforeMs: number }
  | {
      readonly kind: "requeue";
      readonly event: number;
      readonly notBeforeMs: number;
      readonly suspect: boolean;
      readonly permit: string | null;
    }
  /** `keptBytes`: what it holds until it is forgotten. */
  | { readonly kind: "remove"; readonly event: number; readonly keptBytes: number };

export function noticeOf({ about, progress, state }: Ticket): GateNotice | null {
  const { events: event, gateHeard, suspect, lastPermit: permit } = progress;
  if (gateHeard >= event) return null;
  switch (state.status) {
    case "queued": {
      const { notBeforeMs } = state;
      return permit === null
        ? { kind: "enqueue", event, notBeforeMs }
        : { kind: "requeue", event, notBeforeMs, suspect, permit };
    }
    case "processing":
      return null;
    case "cancelled":
      // The call that is under way holds permit, place and share.
      return state.claim === null ? { kind: "remove", event, keptBytes: about.keptBytes ?? 0 } : null;
    case "completed":
    case "failed":
    case "expired":
      return { kind: "remove", event, keptBytes: about.keptBytes ?? 0 };
  }
}

/** Names a comparison for a gate: the same for the same texts, judge and parameters. */
export function comparisonKey(promptSha256: string): string {
  return promptSha256.slice(0, 16);
}

/** What each verb of the gate wants to know of it. */
export function queueItemOf({ about }: Ticket): QueueItem {
  const { id: ticketId, priority, keys, acceptedAtMs } = about;
  return {
    ticketId,
    priority,
    acceptedAtMs,
    sizeBytes: about.storedBytes ?? about.sizeBytes,
    model: keys?.model ?? about.model,
    tenant: keys?.tenant ?? "",
    comparison: comparisonKey(about.promptSha256),
    tokens: tokensOf(about.sizeBytes, about.parameters.maxTokens),
  };
}
