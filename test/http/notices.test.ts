/** What is said of a ticket, whichever way: each kind of event, and none of a vendor's words. */
import { describe, expect, it } from "vitest";
import {
  acceptTicket,
  cancel,
  claim,
  elapse,
  giveBack,
  settle,
  type AttemptOutcome,
} from "../../src/domain/ticket/moves.ts";
import type { Failure } from "../../src/domain/failure.ts";
import type { CancelledBy, Ticket, TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { withoutTexts } from "../../src/engine/ticket-codec.ts";
import { endedEventJson, forAnybody, forTenant, isTerminal, eventNotice } from "../../src/http/notices.ts";
import { draftOf, judged } from "../contracts/tickets.ts";
import { policy } from "../support/sqlite-store.ts";

const id = "0190a1b2-0000-7000-8000-0000000000aa";
const atMs = Date.parse("2026-11-30T12:00:00Z");
/** Stands in every text, and in what a vendor says. */
const canary = "CANARY-7f3a";

interface Lived {
  readonly ticket: Ticket;
  readonly events: readonly TicketEvent[];
}

function accepted(about: object = {}): Lived {
  const { about: given, spent } = draftOf();
  const texts = { systemPrompt: canary, userPrompt: canary, essayA: canary, essayB: canary };
  const whole = { ...given, id, correlationId: id, metadata: { pair: 17 }, ...about };
  const { ticket, events } = acceptTicket(whole, texts, { ...spent, calls: 0 }, null, 0, atMs, policy);
  return { ticket, events };
}

function then({ ticket, events }: Lived, move: (ticket: Ticket) => Lived): Lived {
  const moved = move(ticket);
  return { ticket: moved.ticket, events: [...events, ...moved.events] };
}

const claimed = (lived: Lived, afterMs = 1_000) =>
  then(lived, (ticket) => claim(ticket, `p${afterMs}`, false, atMs + afterMs, policy));
const settled = (lived: Lived, outcome: AttemptOutcome, afterMs = 2_000) =>
  then(lived, (ticket) => settle(ticket, ticket.progress.fence, outcome, atMs + afterMs, policy, 0.5));
const failure = (failure: Failure): AttemptOutcome => ({
  kind: "failed",
  failure,
  spent: { calls: 1, costUsd: null },
});
const refused = failure({ reason: "request_refused", status: 400, vendorSays: `${canary} is too long` });
const cancelledBy = (by: CancelledBy, lived: Lived) =>
  then(lived, (ticket) => cancel(ticket, by, atMs + 3_000, policy));

const ended: readonly (readonly [string, Lived, object])[] = [
  [
    "completed",
    settled(claimed(accepted()), judged),
    {
      event_type: "QUEUE_REQUEST_COMPLETED",
      event_number: 3,
      attempts: 1,
      error_type: null,
      error_message: null,
    },
  ],
  [
    "failed",
    settled(claimed(accepted()), refused),
    { event_type: "QUEUE_REQUEST_FAILED", event_number: 3, attempts: 1, error_type: "INVALID_REQUEST" },
  ],
  [
    "expired",
    then(accepted(), (ticket) => elapse(ticket, atMs + policy.ttlMs, policy)),
    { event_type: "QUEUE_REQUEST_FAILED", event_number: 2, attempts: 0, error_type: "REQUEST_EXPIRED" },
  ],
  [
    "cancelled",
    cancelledBy("operator", accepted()),
    {
      event_type: "QUEUE_REQUEST_FAILED",
      attempts: null,
      error_type: "REQUEST_CANCELLED",
      cancelled_by: "operator",
    },
  ],
];

describe.each(ended)("of a ticket that is %s", (status, { ticket, events }, data) => {
  const last = events.at(-1);
  if (last === undefined) throw new Error("nothing has happened");

  it("its end is told with what it came to, under an id that says which event it is", () => {
    const told = eventNotice(ticket, last, forTenant);
    expect(told).toMatchObject({ id: `evt_${id}_${last.number}`, type: `ticket.${status}` });
    expect(told.timestamp).toBe(new Date(last.atMs).toISOString());
    expect(JSON.parse(told.data)).toMatchObject({
      queue_id: id,
      status,
      provider: "mock",
      queued_at: "2026-11-30T12:00:00.000Z",
      ended_at: told.timestamp,
      available_until: new Date(last.atMs + policy.retentionMs).toISOString(),
      correlation_id: id,
      results_url: `/api/v1/results/${id}`,
      metadata: { pair: 17 },
      result: null,
      ...data,
    });
    expect(isTerminal(last)).toBe(true);
  });

  it("the feed says the same of it each time, from whichever copy", () => {
    const said = endedEventJson(ticket);
    const { id: eventId, type, timestamp, data: told } = eventNotice(ticket, last, forTenant);
    expect(JSON.parse(said)).toEqual({ id: eventId, type, timestamp, data: JSON.parse(told) });
    expect(endedEventJson(withoutTexts(ticket))).toBe(said);
    expect(endedEventJson(JSON.parse(JSON.stringify(ticket)) as Ticket)).toBe(said);
  });

  it("nobody is told a text, or a vendor's word", () => {
    for (const event of events) {
      for (const wanted of [forTenant, forAnybody, { metadata: true, result: true }])
        expect(JSON.stringify(eventNotice(ticket, event, wanted))).not.toContain(canary);
    }
  });
});

it.each([
  ["accepted", accepted(), 1, "queued", "QUEUE_REQUEST_QUEUED", {}],
  ["started", claimed(accepted()), 2, "processing", "QUEUE_REQUEST_PROCESSING", {}],
  [
    "returned after a failure",
    settled(claimed(accepted()), failure({ reason: "timeout" })),
    3,
    "queued",
    "QUEUE_REQUEST_QUEUED",
    { reason: "attempt_failed", error_type: "TIMEOUT" },
  ],
  [
    "returned unharmed",
    then(claimed(accepted()), (ticket) => giveBack(ticket, 1, atMs + 2_000, policy)),
    3,
    "queued",
    "QUEUE_REQUEST_QUEUED",
    { reason: "given_back", error_type: null },
  ],
] as const)(
  "of a ticket that is %s it is told that it has not ended",
  (_, lived, number, status, type, data) => {
    const event = lived.events[number - 1];
    if (event === undefined) throw new Error("it has not happened");
    const told = eventNotice(lived.ticket, event, forTenant);
    expect(told.id).toBe(`evt_${id}_${number}`);
    expect(told.type).toBe(`ticket.${status}`);
    expect(JSON.parse(told.data)).toMatchObject({
      status,
      event_type: type,
      attempts: null,
      ended_at: null,
      available_until: null,
      error_message: null,
      ...data,
    });
    expect(isTerminal(event)).toBe(false);
  },
);

it("what was told of an earlier event is told of it once the ticket has ended, too", () => {
  const { ticket, events } = settled(claimed(accepted()), judged);
  const [first, second] = events;
  if (first === undefined || second === undefined) throw new Error("it has not happened");
  expect(eventNotice(ticket, first, forTenant)).toEqual(eventNotice(accepted().ticket, first, forTenant));
  expect(eventNotice(ticket, second, forTenant)).toEqual(
    eventNotice(claimed(accepted()).ticket, second, forTenant),
  );
});

it("of one that was cancelled while it was called for the same is told when the call is over", () => {
  const stopped = cancelledBy("owner", claimed(accepted()));
  const said = endedEventJson(stopped.ticket);
  const over = settle(stopped.ticket, 1, judged, atMs + 4_000, policy, 0.5).ticket;
  expect(over).not.toEqual(stopped.ticket);
  expect(endedEventJson(over)).toBe(said);
});

it("metadata is told as it was written, to the ticket's tenant alone", () => {
  const metadataText = '{"1":12345678901234567890,"a":"é€😀","0":1.0}';
  const { ticket, events } = accepted({ metadata: { a: "é€😀" }, metadataText });
  const [event] = events;
  if (event === undefined) throw new Error("it has not happened");
  expect(eventNotice(ticket, event, forTenant).data).toContain(`"metadata":${metadataText}`);
  expect(eventNotice(ticket, event, forAnybody).data).not.toMatch(/metadata|result"/);
});

it("the result is told where it is wanted, as the ticket's results show it", () => {
  const { ticket, events } = settled(claimed(accepted()), judged);
  const last = events.at(-1);
  if (last === undefined) throw new Error("nothing has happened");
  const { result } = JSON.parse(eventNotice(ticket, last, { metadata: true, result: true }).data) as {
    result: unknown;
  };
  expect(result).toMatchObject({ queue_id: id, winner: "Essay A", justification: "It argues." });
});

it("a ghost that nobody was told of is withdrawn, for the bus alone", () => {
  const { ticket } = accepted();
  const told = eventNotice(ticket, { number: 2, atMs: atMs + 1, kind: "withdrawn" }, forAnybody);
  expect(told.type).toBe("ticket.withdrawn");
  expect(JSON.parse(told.data)).toMatchObject({
    event_type: "QUEUE_REQUEST_FAILED",
    status: "withdrawn",
    attempts: null,
    ended_at: null,
  });
});
