/** A ticket on the wire: its 202, its status, and what came of the ticket. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { shownFirst } from "../domain/judging/presentation.ts";
import type { Failure } from "../domain/failure.ts";
import { waitMinutes, retryAfterSeconds } from "../domain/gate/forecast.ts";
import {
  isEnded,
  type CancelledBy,
  type Ended,
  type Ticket,
  type TicketCopy,
} from "../domain/ticket/ticket.ts";
import type { Obstacle } from "../gateway/submission.ts";
import type { TicketContext } from "./gate-views.ts";
import { crowded, problemOfFailure, problemOfWait, stopping, type Problem } from "./errors.ts";
import { type ErrorType } from "../wire/error-types.ts";
import { judgementJson } from "./judgement.ts";
import { withMetadata } from "./metadata.ts";
import type { PendingAnswer, StatusAnswer, TicketAnswer } from "../wire/schemas.ts";

/** Nothing that is shown needs the texts. */
type Shown = Ticket | TicketCopy;

/** @param waitsFor what stood in the way of an answer; `null`: a ticket was asked for, or is asked after */
export function ticketBody(
  ticket: Ticket,
  context: TicketContext,
  waitsFor: Obstacle | null,
  correlationId: string,
  nowMs: number,
): Omit<TicketAnswer, "ignored_fields"> {
  const { about, state } = ticket;
  return {
    queue_id: about.id,
    status: state.status,
    message: waitingSentence(ticket, context, waitsFor),
    provider: about.provider,
    position_in_queue: positionOf(ticket, context),
    estimated_wait_minutes: waitMinutes(waitOf(ticket, context)),
    retry_after: isEnded(state) ? null : secondsToWait(ticket, context, nowMs),
    ...endedBy(ticket, context),
    expires_at: iso(about.expiresAtMs),
    status_url: statusUrl(about.id),
    results_url: resultsUrl(about.id),
    correlation_id: correlationId,
  };
}

/** Whoever comes with the key of a ticket again may have asked it for the first time when it was over. */
function endedBy(ticket: Ticket, context: TicketContext): Pick<TicketAnswer, "error_type"> {
  const problem = isEnded(ticket.state) ? problemOfTicket(ticket, context) : null;
  return problem === null ? {} : { error_type: problem.type };
}

/**
 * @param beside goes before the rest
 * @returns the body of a status
 */
export function statusJson(ticket: Shown, context: TicketContext, beside: object = {}): string {
  const { about, progress, state } = ticket;
  const problem = problemOfTicket(ticket, context);
  const isCompleted = state.status === "completed";
  const body: Omit<StatusAnswer, "metadata"> = {
    ...beside,
    queue_id: about.id,
    status: state.status,
    provider: about.provider,
    shown_first: shownFirst(about.exchanged),
    queued_at: iso(about.acceptedAtMs),
    updated_at: iso(progress.updatedAtMs),
    expires_at: iso(about.expiresAtMs),
    available_until: isEnded(state) ? iso(state.forgetAtMs) : null,
    position_in_queue: positionOf(ticket, context),
    estimated_wait_minutes: waitMinutes(waitOf(ticket, context)),
    retry_count: progress.failedAttempts,
    priority: about.priority,
    size_bytes: about.sizeBytes,
    result_available: isCompleted,
    result_location: isCompleted ? resultsUrl(about.id) : null,
    error_message: problem?.sentence ?? null,
    error_type: problem?.type ?? null,
    correlation_id: about.correlationId,
  };
  return withMetadata(body, metadataTextOf(about));
}

export function metadataTextOf({ metadata, metadataText }: Shown["about"]): string {
  return metadataText ?? JSON.stringify(metadata);
}

/** What `results` answers: a judgement, that it waits, or why there will be none. */
type TicketResultAnswer =
  | { readonly kind: "judged"; readonly json: string }
  | { readonly kind: "pending"; readonly body: PendingAnswer }
  | { readonly kind: "problem"; readonly problem: Problem };

export function resultOf(ticket: Shown, context: TicketContext, nowMs: number): TicketResultAnswer {
  const { about, progress, state } = ticket;
  switch (state.status) {
    case "queued":
    case "processing": {
      const message = waitingSentence(ticket, context, null);
      const retryAfter = secondsToWait(ticket, context, nowMs);
      return { kind: "pending", body: { status: state.status, message, retry_after: retryAfter } };
    }
    case "completed": {
      const parts = {
        ...state.result,
        ...about,
        requestedModel: about.model,
        model: state.result.model,
        costUsd: progress.spent.costUsd,
        attempts: progress.spent.calls,
        metadataText: metadataTextOf(about),
        ignoredFields: about.ignoredFields ?? [],
        serviceVersion: state.result.serviceVersion ?? null,
      };
      const dates = { queued_at: iso(about.acceptedAtMs), completed_at: iso(state.endedAtMs) };
      return { kind: "judged", json: judgementJson(parts, { queue_id: about.id, ...dates }) };
    }
    case "expired":
      return { kind: "problem", problem: expired };
    case "cancelled":
      return { kind: "problem", problem: cancelled[state.cancelledBy] };
    case "failed": {
      const problem = problemOfTicket(ticket, context) ?? crashed;
      const { type, sentence, details } = problem;
      return {
        kind: "problem",
        problem: { status: 502, type, sentence, ...(details === undefined ? {} : { details }) },
      };
    }
  }
}

const statusUrl = (id: string) => `/api/v1/status/${id}`;
export const resultsUrl = (id: string) => `/api/v1/results/${id}`;

const expired: Problem = {
  status: 410,
  type: "REQUEST_EXPIRED",
  sentence: "The comparison waited for longer than it may, and was not judged.",
};

const cancelled: Readonly<Record<CancelledBy, Problem>> = {
  owner: cancelledProblem("The comparison was cancelled by its owner."),
  operator: cancelledProblem("The comparison was cancelled by an operator of this service."),
  set: cancelledProblem("The comparison was cancelled with the set that it belongs to."),
};

function cancelledProblem(sentence: string): Problem {
  return { status: 410, type: "REQUEST_CANCELLED", sentence };
}

/** A ticket can't be cancelled that has ended otherwise. */
export function endedOtherwise(status: Exclude<Ended["status"], "cancelled">): Problem {
  return {
    status: 409,
    type: "REQUEST_ENDED",
    sentence: `The comparison can't be cancelled any more: it is ${status}.`,
  };
}

const crashed: Problem = {
  status: 502,
  type: "INTERNAL_ERROR",
  sentence: "This service failed each time that it tried.",
};

/** Why it failed, or why it waits. */
export function problemOfTicket(
  { about, state }: Shown,
  context: TicketContext,
): { readonly type: ErrorType; readonly sentence: string; readonly details?: string } | null {
  const { provider } = about;
  switch (state.status) {
    case "completed":
      return null;
    case "expired":
      return expired;
    case "cancelled":
      return cancelled[state.cancelledBy];
    case "failed": {
      const { failure } = state;
      return failure.reason === "crashed" ? crashed : problemIn(failure, provider, about.model);
    }
    case "queued":
    case "processing": {
      if (!context.isUsable) return notUsable(provider);
      return (
        problemIn(state.lastFailure, provider, about.model) ??
        problemOfEstimate(context, provider, about.model)
      );
    }
  }
}

/** What is stored of such a ticket is that it waits as for credentials. */
function notUsable(provider: ProviderName) {
  return {
    type: "CONFIGURATION_ERROR",
    sentence: `${provider} is not enabled here, or has no key.`,
  } as const;
}

/** What its gate waits for. */
function problemOfEstimate(context: TicketContext, provider: ProviderName, model: string): Problem | null {
  const { why, refused } = context.estimate ?? {};
  if (refused !== undefined) return problemIn({ reason: refused, status: 401 }, provider, model);
  switch (why) {
    case "breaker":
    case "rate_limit":
    case "model_faults":
    case "paused":
      return problemOfWait(why, provider, 1);
    case "model_refused":
      return problemIn({ reason: "credentials_refused", status: 403, scope: "model" }, provider, model);
    case "no_judgements":
      return problemIn({ reason: "unreadable", why: "no_verdict" }, provider, model);
    case "credentials":
    case "backoff":
    case "turn":
    case undefined:
      return null;
  }
}

/** What is stored of a failure was masked before. */
function problemIn(failure: Failure | null, provider: ProviderName, model: string): Problem | null {
  return failure === null ? null : problemOfFailure(failure, provider, (text) => text, model);
}

function waitingSentence(ticket: Shown, context: TicketContext, waitsFor: Obstacle | null): string {
  const { provider } = ticket.about;
  if (isEnded(ticket.state)) return "The comparison is no longer waiting: see its status.";
  if (ticket.state.status === "processing") return `${provider} is being asked now.`;
  const sentence = (problemOfObstacle(waitsFor, provider) ?? problemOfTicket(ticket, context))?.sentence;
  const because = sentence === undefined ? "" : `${sentence} `;
  return `${because}The comparison is kept and will be judged in its turn.`;
}

/** @returns `null`: its ticket says more */
function problemOfObstacle(obstacle: Obstacle | null, provider: ProviderName): Problem | null {
  switch (obstacle?.kind) {
    case "gate":
      return problemOfWait(obstacle.why, provider, 1);
    case "crowded":
      return crowded;
    case "stopping":
      return stopping;
    case "failed":
    case undefined:
      return null;
  }
}

function positionOf({ state }: Shown, { estimate }: TicketContext): number | null {
  return state.status === "queued" ? (estimate?.position ?? null) : null;
}

/** @returns `null` also where the provider may not be asked here: nobody knows when that will change, whatever its gate waits for */
function waitOf({ state }: Shown, { estimate, isUsable }: TicketContext): number | null {
  return state.status === "queued" && isUsable ? (estimate?.waitMs ?? null) : null;
}

/** Where nothing is known, a client may look again in this time. */
const lookAgainMs = 5_000;

function secondsToWait(ticket: Shown, { estimate }: TicketContext, nowMs: number): number {
  if (ticket.state.status !== "queued" || estimate === null) return retryAfterSeconds(null, lookAgainMs);
  return retryAfterSeconds(estimate.waitMs, estimate.opensAtMs - nowMs);
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
