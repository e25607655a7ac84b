/** What the flow needs from the world. Nothing here names a platform. */
import type { Whose } from "../domain/gate/breaker.ts";
import type { FrameVersion, Parameters, ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { Admission } from "../domain/gate/gate.ts";
import type { GateOrder } from "../domain/gate/halt.ts";
import type { WaitEstimate, GateStatus } from "../domain/gate/view.ts";
import type { Begun, KeyedEnd } from "../domain/idempotency.ts";
import type { Others, CallReport } from "../domain/gate/call-report.ts";
import type { Plan } from "../domain/judging/plan.ts";
import type { Result } from "../domain/result.ts";
import type {
  About,
  CancelledBy,
  Spent,
  Texts,
  Ticket,
  TicketCopy,
  TicketEvent,
  TicketState,
} from "../domain/ticket/ticket.ts";
import type { AttemptOutcome, Settled } from "../domain/ticket/moves.ts";
import type { Usage } from "../domain/judging/usage.ts";
import type { Tell } from "../telemetry/events.ts";
import type { Tracer } from "../telemetry/tracing/tracer.ts";

/** One request to a judge, complete: the adapter adds nothing but the vendor's envelope. */
export interface JudgeRequest {
  readonly model: string;
  readonly system: string;
  readonly user: string;
  readonly maxTokens: number;
  readonly plan: Plan;
  /** Names the comparison; the same for every call made for it. Never sent upstream. */
  readonly promptSha256: string;
  /** By which `user` was made: it says which shape the answer shall have, and how the answer is read. */
  readonly frame: FrameVersion;
  /** Which call for this comparison this is, from 1. Never sent upstream. */
  readonly attempt: number;
}

/** A request as it goes out to a vendor, but for whatever says who we are. */
export interface Outgoing {
  /** Below the vendor's base URL. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came of one call that was really made. */
export interface Reply {
  readonly outcome: Result<Answer, Failure>;
  /** `null` where the vendor did not say. A call that failed can have cost something all the same. */
  readonly usage: Usage | null;
  /** The vendor's own id for the call, for its support desk. */
  readonly requestId: string | null;
  /** HTTP status; `null` where there was no answer. */
  readonly status: number | null;
}

export interface Answer {
  /** What the judge wrote, its reasoning left out. Of several answers in one envelope: all of them, each on lines of its own. */
  readonly text: string;
  /** Each of several answers by itself; absent where the envelope held one. They must hold one verdict between them. */
  readonly texts?: readonly string[];
  /** The model that says it answered. */
  readonly model: string;
}

/** One LLM vendor. Never throws for what the vendor does. One small file each in `src/providers/`. */
export interface Provider {
  readonly name: ProviderName;
  /** Looks up what the model takes. Only OpenRouter asks the network for it, and answers with an assumption where that fails. */
  plan(model: string, parameters: Parameters, signal: AbortSignal): Plan | Promise<Plan>;
  /** Makes exactly one call. Ends early when the signal aborts; its reason says who wanted that (see `AbortCause`). */
  judge(request: JudgeRequest, signal: AbortSignal): Promise<Reply>;
  /** What `judge` would send. Absent: the judge is in this process, and is sent nothing. */
  outgoing?(request: Omit<JudgeRequest, "attempt">): Outgoing;
  /** US dollars; `null` where the price of the model is unknown. `model` is the one that was asked for. */
  cost(model: string, usage: Usage, nowMs: number): number | null;
}

/** The reason with which the flow aborts a provider's signal. `stopping`: this process ends, and the call with it. */
export type AbortCause = "timeout" | "hung_up" | "stopping";

/** Time from outside, so that tests and the simulation own it. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Milliseconds since some moment, by a clock that nobody sets: for how long something takes, or may take, in this process. */
  monotonicMs(): number;
  /** The same in fractions of a millisecond; absent where the clock stands still while code runs. */
  fineMs?(): number;
  /** Runs `then` once after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, then: () => void): () => void;
}

/** UTF-8 text to 64 hex digits. Synchronous where the platform can. */
export type Sha256 = (text: string) => string | Promise<string>;

/**
 * Decides for all instances who may call one provider, and keeps the places of its tickets (`domain/gate/gate.ts`). It alone sends tickets to
 * workers. Every verb can be repeated. A verb that throws has an unknown outcome: the store is away (`StoreAway`), or worse.
 */
export interface Gate {
  /** A live call asks. With a usable snapshot and a closed breaker this costs no hop. */
  enter(permit: string, whose: Whose): Promise<Admission>;
  /**
   * How a call that was let in went. Never throws: a report that can't be told now is told later, or lost.
   *
   * @returns how others fared meanwhile, for what asks for it (`asksForOthers`); `null`: the gate could not be asked in time
   */
  report(callReport: CallReport): Promise<Others | null>;
  /** `null`: it has no place here. */
  estimate(ticketId: string): Promise<WaitEstimate | null>;
  /** Of many in one go, in their order. Absent where each by itself costs as little. */
  readonly estimates?: (ticketIds: readonly string[]) => Promise<readonly (WaitEstimate | null)[]>;
  /** @param tenant who asks, as in `QueueItem`: what its own tickets wait for is named; absent: nobody */
  status(tenant?: string): Promise<GateStatus>;
  /** What an operator orders. @returns how it stands then, as to nobody. @throws {StoreAway} the order may be obeyed all the same */
  order(order: GateOrder): Promise<GateStatus>;
}

/** A comparison to be kept as a ticket. */
export interface Draft {
  readonly about: Omit<About, "acceptedAtMs" | "expiresAtMs">;
  readonly texts: Texts;
  /** On live calls for it before. */
  readonly spent: Spent;
  /** Of those calls; `null`: none was made. */
  readonly lastFailure: Failure | null;
  /** Before its first attempt, in milliseconds: a delay, since the moment is of the store's clock. */
  readonly delayMs: number;
  /** Something names the ticket by its id already, so no store may give it another. */
  readonly idIsGiven?: boolean;
}

/** What comes of a draft. */
export type Created =
  /**
   * It is stored, durably, and has its place at the gate. Go by the ticket's id, which may be another than the draft's where that was not given.
   * `estimate`: where it stands; `null`: none can be made.
   */
  | { readonly kind: "kept"; readonly ticket: Ticket; readonly estimate: WaitEstimate | null }
  /** Nothing is stored: the queue is full. */
  | { readonly kind: "full" };

/**
 * Where tickets live. Each verb is one of `domain/ticket/moves.ts` over one stored ticket, by the store's clock, and what it leaves the gate
 * to be told (`noticeOf`) is told by the store itself, again and again until the gate has answered. A verb that throws has an unknown
 * outcome and can be repeated.
 */
export interface Tickets {
  /** Keeps it, unless there is one with its id already, if its gate admits it: the gate is asked once. Whatever throws, nothing is kept for long. */
  create(draft: Draft): Promise<Created>;
  /** `null`: there is none, or it is forgotten. Lets happen what time has brought. */
  load(id: string): Promise<Ticket | null>;
  settle(id: string, fence: number, outcome: AttemptOutcome): Promise<Settled>;
  /** Unharmed: the call was not made, or the process is stopping. */
  giveBack(id: string, fence: number, spent?: Spent): Promise<Settled>;
  /**
   * Ends it as cancelled, unless it has ended. A call that is under way keeps permit and place until it is over.
   *
   * @returns the ticket as it is then; `null`: there is none, or it is forgotten
   */
  cancel(id: string, by: CancelledBy): Promise<Ticket | null>;
  /** A tenant's own, or all tenants', newest first, as they are now. @throws {StoreAway} nothing can be said */
  list(query: TicketQuery): Promise<TicketList>;
  /** What has happened to one, in order; `[]`: there is none, or it is forgotten. @throws {StoreAway} */
  events(id: string): Promise<readonly TicketEvent[]>;
}

export interface TicketQuery {
  /** `null`: of all tenants, for operators. */
  readonly tenant: string | null;
  /** The tenant as gates know it; `""`: of all. */
  readonly tenantKey: string;
  /** Of a list of all: tenants that are known. Stores know of more, but may have learned it from newer tickets alone. */
  readonly known?: readonly string[];
  /** `null`: any. */
  readonly provider: ProviderName | null;
  readonly status: TicketState["status"] | null;
  /** At most so many. */
  readonly limit: number;
  /** Only those behind this one; `null`: from the newest. */
  readonly after: ListPosition | null;
}

/** Where a ticket stands in every list: the newer before the older, and of one moment by id. */
export interface ListPosition {
  readonly acceptedAtMs: number;
  readonly id: string;
}

export interface TicketList {
  readonly tickets: readonly TicketCopy[];
  /** Where to go on, though there may be fewer than were asked for, or none: a look at tickets that don't match is bounded. `null`: that was all. */
  readonly next: ListPosition | null;
  /** False: there may be others between them, which could not be asked for. */
  readonly complete: boolean;
}

/** Tells calls for tickets that they are no longer wanted. */
export interface Cancellations {
  /** Runs `then` when this ticket is cancelled. @returns ends the watch */
  watch(ticketId: string, then: () => void): () => void;
  tell(ticketId: string): void;
}

/**
 * Reads a copy of a ticket where its store is away. One that has ended is final; any other is as it was at its `updatedAtMs`.
 *
 * @returns `null`: there is none, it is forgotten, or it can't be read soon. Never throws
 */
type CopyOf = (ticketId: string) => Promise<TicketCopy | null>;

/** A store's door: from `start` on it hands out claimed tickets, in the order of their gates. */
export interface Door {
  /** @param run `Gateway.run`, which is given each ticket once for each of its claims */
  start(run: (claimed: ClaimedTicket) => Promise<void>): void;
  /** No ticket is handed out any more. @returns when the last that was is done with */
  rest(): Promise<void>;
}

/** A ticket that a store has claimed for whoever runs it, and that may be called for now. */
export interface ClaimedTicket {
  /** Holds the texts. */
  readonly ticket: Ticket;
  /** The one that the gate gave the start to. */
  readonly permit: string;
  /** The breaker's, at the start. */
  readonly epoch: number;
  readonly fence: number;
  /** So long it is claimed from when it is handed out: a moment of the store's clock would say nothing to who works on it. */
  readonly leaseLeftMs: number;
}

/** Records of keyed requests (`domain/idempotency.ts`), each stored durably before it is answered. */
export interface Keys {
  /** @param name names tenant and key: hex digits of a hash over both */
  begin(name: string, requestSha256: string, queueId: string, leaseMs: number): Promise<Begun>;
  /** @returns false: the token is stale, for another has begun meanwhile. Nothing changed */
  end(name: string, fence: number, end: KeyedEnd): Promise<boolean>;
}

/** What tenants used on a UTC day, `YYYY-MM-DD`. Kept roughly: a crash may lose the last seconds. */
export interface Totals {
  /** Costs nothing on the path of an answer: gathered, and stored behind it. */
  add(tenant: string, day: string, requests: number, costUsd: number): void;
  /** @throws {StoreAway} */
  of(tenant: string, day: string): Promise<{ readonly requests: number; readonly costUsd: number }>;
}

/** What an operator did, and when. */
export type OperatorAction = { readonly atMs: number; readonly operator: string } & OperatorDeed;

type OperatorDeed =
  | { readonly action: "pause" | "resume" | "probe"; readonly provider: ProviderName }
  | {
      readonly action: "cancel";
      readonly provider: ProviderName;
      readonly queueId: string;
      /** Whose ticket it was. */
      readonly tenant: string;
    };

/** Of what operators did no more is kept. */
export const mostActions = 1_000;

/** What operators did, kept as long as results are. */
export interface Actions {
  /** Keeps it durably. @throws {StoreAway} it may not be kept */
  note(action: OperatorAction): Promise<void>;
  /** The newest first, at most so many. @throws {StoreAway} */
  latest(most: number): Promise<readonly OperatorAction[]>;
}

/**
 * Each tenant's tickets that have ended, numbered in the order in which their stores learned of it: 1, 2, 3 and so on. Nothing is ever put before a
 * number that was given, and each is kept as long as its ticket.
 */
export interface Feed {
  /**
   * @param after the number that the caller knows; `null`: from the first that is kept
   * @param most at least 1
   * @throws {StoreAway}
   */
  page(tenant: string, after: number | null, most: number): Promise<FeedPage>;
}

export type FeedPage =
  | {
      readonly kind: "page";
      /** Each as its event's JSON. Where one of them is forgotten before those around it, it is left out. */
      readonly events: readonly string[];
      /** To go on from; the one asked with, where nothing is behind it. */
      readonly last: number;
      readonly more: boolean;
    }
  /** What stood behind that number is forgotten in part, or it was never given: go on from `oldest`, behind which all is kept. */
  | { readonly kind: "expired"; readonly oldest: number };

/** What is the matter with a store, in the words of `/healthz`. */
export type StoreError =
  | "refused"
  | "unknown_host"
  | "wrong_credentials"
  | "timeout"
  | "read_only"
  | "full"
  | "other";

/** Why a store does not do what it is asked. */
export interface StoreTrouble {
  readonly error: StoreError;
  /** The store's own first word, or the system's: `WRONGPASS`, `SQLITE_FULL`, `ECONNREFUSED`. Never anything of what was asked. */
  readonly code: string;
}

/** Nothing was answered in time. */
export const noAnswer: StoreTrouble = { error: "timeout", code: "TIMEOUT" };

/** A store of ours can't be reached: thrown by `Gate` and `Tickets`, and answered with 503. */
export class StoreAway extends Error {
  override readonly name = "StoreAway";
  /** `null`: not known, or nothing is the matter with the store itself. */
  readonly trouble: StoreTrouble | null;

  constructor(message: string, options: ErrorOptions & { readonly trouble?: StoreTrouble } = {}) {
    super(message, options);
    this.trouble = options.trouble ?? null;
  }
}

export interface Ports {
  /** Those that are enabled and have a key. */
  readonly providers: ReadonlyMap<ProviderName, Provider>;
  readonly gate: (provider: ProviderName) => Gate;
  readonly tickets: Tickets;
  /** Only where there is a secondary store. */
  readonly copyOf?: CopyOf | undefined;
  readonly keys: Keys;
  /** Absent where nobody operates. */
  readonly actions?: Actions | undefined;
  readonly clock: Clock;
  /** A UUID. */
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sha256: Sha256;
  /** UTF-8 bytes of a ticket's texts, for who counts faster than a loop does. A lone surrogate is three, as what stands for it. */
  readonly sizeOf?: (texts: Texts) => number;
  /** Absent where a call can't be ended from outside: on Workers it belongs to the request that made it. */
  readonly cancellations?: Cancellations | undefined;
  /** Aborts when the process must end soon; `null`: it never says so. */
  readonly stopping: AbortSignal | null;
  /** Takes our keys out of a vendor's words before they are stored. */
  readonly mask: (text: string) => string;
  readonly tell: Tell;
  /** Absent: nobody records spans. */
  readonly tracer?: Tracer | undefined;
}
