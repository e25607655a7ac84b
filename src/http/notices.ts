/**
 * What is said of a ticket to whoever is told: one vocabulary for streams, the feed, webhooks and the bus. No texts, and none of a vendor's words.
 * A ticket that has ended never changes, so what is said of its end is the same each time.
 */
import { endEventOf, eventIdOf } from "../domain/ticket/ticket-end.ts";
import { isEnded, type Ticket, type TicketCopy, type TicketEvent } from "../domain/ticket/ticket.ts";
import { errorTypeOf } from "./errors.ts";
import { withMetadata } from "./metadata.ts";
import { iso, metadataTextOf, problemOfTicket, resultOf, resultsUrl } from "./ticket-answers.ts";

/** `withdrawn`: it was kept twice while a store was in doubt, and this is the one of which no client knows. */
type Announced = TicketEvent | { readonly number: number; readonly atMs: number; readonly kind: "withdrawn" };

export interface Notice {
  /** The same each time that this event is told, by whichever way. Holds no dot. */
  readonly id: string;
  readonly type: `ticket.${NoticeStatus}`;
  /** Of the event, ISO 8601. */
  readonly timestamp: string;
  /** JSON of an object. */
  readonly data: string;
}

type NoticeStatus = "queued" | "processing" | "completed" | "failed" | "expired" | "cancelled" | "withdrawn";

type EventType =
  | "QUEUE_REQUEST_QUEUED"
  | "QUEUE_REQUEST_PROCESSING"
  | "QUEUE_REQUEST_COMPLETED"
  | "QUEUE_REQUEST_FAILED";

/** What a notice holds beside the bare facts. */
interface Wanted {
  /** The caller's own, which may name pupils: for nobody but the ticket's tenant. */
  readonly metadata: boolean;
  /** The body of the ticket's results, where it is completed. */
  readonly result: boolean;
}

/** For the ticket's tenant. */
export const forTenant: Wanted = { metadata: true, result: false };
/** For whoever reads the bus. */
export const forAnybody: Wanted = { metadata: false, result: false };

/**
 * @param ticket as it is at the event, or later
 * @param event one of the ticket's; the terminal one only with a ticket that has ended
 */
export function eventNotice(ticket: Ticket | TicketCopy, event: Announced, wanted: Wanted): Notice {
  const { id: queueId } = ticket.about;
  const status = statusOf(event);
  return {
    id: eventIdOf(queueId, event.number),
    type: `ticket.${status}`,
    timestamp: iso(event.atMs),
    data: dataOf(ticket, event, status, wanted),
  };
}

/** As the feed has it. @param ticket one that has ended @returns JSON */
export function endedEventJson(ticket: TicketCopy): string {
  return noticeJson(eventNotice(ticket, endEventOf(ticket), forTenant));
}

/** The whole of it. */
export function noticeJson({ data, ...rest }: Notice): string {
  return `${JSON.stringify(rest).slice(0, -1)},"data":${data}}`;
}

/** As webhooks have it: its id is in a header. @param ticket one that has ended @param result whether its results are in it @returns JSON */
export function webhookBody(ticket: TicketCopy, result: boolean): string {
  const { type, timestamp, data } = eventNotice(ticket, endEventOf(ticket), { metadata: true, result });
  return `${JSON.stringify({ type, timestamp }).slice(0, -1)},"data":${data}}`;
}

function dataOf(ticket: Ticket | TicketCopy, event: Announced, status: NoticeStatus, wanted: Wanted): string {
  const { about, state } = ticket;
  const end = isTerminal(event) && isEnded(state) ? state : null;
  const problem = end && problemOfTicket(ticket, nothingElseKnown);
  const body = {
    event_type: eventTypeOf(status),
    queue_id: about.id,
    event_number: event.number,
    status,
    ...(event.kind === "returned" ? { reason: event.why } : {}),
    provider: about.provider,
    // Before the end it would be another one each time that it is told.
    attempts: end && attemptsOf(ticket),
    queued_at: iso(about.acceptedAtMs),
    ended_at: end && iso(end.endedAtMs),
    correlation_id: about.correlationId,
    error_type: problem?.type ?? typeOfReturn(event),
    error_message: problem?.sentence ?? null,
    ...(event.kind === "cancelled" ? { cancelled_by: event.cancelledBy } : {}),
    results_url: resultsUrl(about.id),
    available_until: end && iso(end.forgetAtMs),
  };
  if (!wanted.metadata) return JSON.stringify(body);
  const result = wanted.result ? resultJson(ticket) : "null";
  return withMetadata(body, `${metadataTextOf(about)},"result":${result}`);
}

/** `null`: not known. A call that was under way when the ticket was cancelled is counted when it is over. */
function attemptsOf({ progress, state }: Ticket | TicketCopy): number | null {
  return state.status === "cancelled" ? null : progress.spent.calls;
}

/** Of an end nothing more is needed to say what it was. */
const nothingElseKnown = { estimate: null, isUsable: true };

function resultJson(ticket: Ticket | TicketCopy): string {
  const result = resultOf(ticket, nothingElseKnown, 0);
  return result.kind === "judged" ? result.json : "null";
}

function typeOfReturn(event: Announced) {
  return event.kind === "returned" && event.reason !== null ? errorTypeOf(event.reason) : null;
}

export function isTerminal({ kind }: Pick<Announced, "kind">): boolean {
  switch (kind) {
    case "accepted":
    case "started":
    case "returned":
      return false;
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
    case "withdrawn":
      return true;
  }
}

function statusOf({ kind }: Announced): NoticeStatus {
  switch (kind) {
    case "accepted":
    case "returned":
      return "queued";
    case "started":
      return "processing";
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
    case "withdrawn":
      return kind;
  }
}

function eventTypeOf(status: NoticeStatus): EventType {
  switch (status) {
    case "queued":
      return "QUEUE_REQUEST_QUEUED";
    case "processing":
      return "QUEUE_REQUEST_PROCESSING";
    case "completed":
      return "QUEUE_REQUEST_COMPLETED";
    case "failed":
    case "expired":
    case "cancelled":
    case "withdrawn":
      return "QUEUE_REQUEST_FAILED";
  }
}
