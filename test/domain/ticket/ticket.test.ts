import { tokensOf } from "../../../src/domain/gate/fair-order.ts";
import { expect, it } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import type { Others } from "../../../src/domain/gate/call-report.ts";
import {
  comparisonOf,
  decodeTicket,
  noticeOf,
  isForgotten,
  queueItemOf,
  ticketDueMs,
  type Processing,
  type Progress,
  type Queued,
  type Ticket,
  type TicketState,
} from "../../../src/domain/ticket/ticket.ts";
import {
  acceptTicket,
  cancel,
  claim,
  claimantDied,
  elapse,
  gateHeard,
  giveBack,
  settle,
} from "../../../src/domain/ticket/moves.ts";
import { about, policy, result, texts } from "../durable-builders.ts";

const none = { calls: 0, costUsd: null };
const one = { calls: 1, costUsd: 0.001 };
const timeout: Failure = { reason: "timeout" };
const fresh = acceptTicket(about, texts, none, null, 0, 0, policy).ticket;
/** A ticket under its first claim, from 0 to 75 s. */
const held = claim(fresh, "p1", false, 0, policy).ticket;
const probing = claim(fresh, "p1", true, 0, policy).ticket;
const judged = { kind: "judged", result, spent: one } as const;
const failing = (failure: Failure) => ({ kind: "failed", failure, spent: one }) as const;
const end = { endedAtMs: 10, forgetAtMs: 500_010 };
const ended: Record<"completed" | "failed" | "expired", TicketState> = {
  completed: { status: "completed", result, ...end },
  failed: { status: "failed", failure: timeout, ...end },
  expired: { status: "expired", lastFailure: null, ...end },
};
/** Cancelled while it waited, and while a call for it was under way. */
const withdrawn = cancel(fresh, "owner", 10, policy).ticket;
const inCall = cancel(held, "owner", 10, policy).ticket;
const within = (state: TicketState): Ticket => ({ ...held, state });
const withProgress = (ticket: Ticket, progress: Partial<Progress>): Ticket => ({
  ...ticket,
  progress: { ...ticket.progress, ...progress },
});

it("starts at no attempts and no fence, with its time fixed and the first event written", () => {
  const { ticket, events } = acceptTicket(about, texts, one, timeout, 650, 50, policy);
  expect(ticket.about).toMatchObject({ acceptedAtMs: 50, expiresAtMs: 100_050 });
  expect(ticket.progress).toMatchObject({ attempts: 0, failedAttempts: 0, fence: 0, events: 1, spent: one });
  expect(ticket.state).toEqual({ status: "queued", texts, notBeforeMs: 700, lastFailure: timeout });
  expect(events).toEqual([{ number: 1, atMs: 50, kind: "accepted" }]);
});

// Every state meets every move, at 50 s: before the lease ends and before it expires.
const tickets: Record<string, Ticket> = {
  queued: fresh,
  processing: held,
  completed: within(ended.completed),
  failed: within(ended.failed),
  expired: within(ended.expired),
  cancelled: withdrawn,
  "cancelled in a call": inCall,
};
const acts: Record<string, (ticket: Ticket) => { ticket: Ticket; reply: { kind: string } | null }> = {
  elapse: (ticket) => elapse(ticket, 50_000, policy),
  "claim by another": (ticket) => claim(ticket, "p2", false, 50_000, policy),
  "claim by the same": (ticket) => claim(ticket, "p1", false, 50_000, policy),
  "settle judged": (ticket) => settle(ticket, 1, judged, 50_000, policy, 0),
  "settle timeout": (ticket) => settle(ticket, 1, failing(timeout), 50_000, policy, 0),
  "settle refused": (ticket) => settle(ticket, 1, failing({ reason: "truncated" }), 50_000, policy, 0),
  "settle stale": (ticket) => settle(ticket, 0, judged, 50_000, policy, 0),
  "give back": (ticket) => giveBack(ticket, 1, 50_000, policy),
  "give back stale": (ticket) => giveBack(ticket, 2, 50_000, policy),
  "claimant died": (ticket) => claimantDied(ticket, 1, true, 50_000, policy),
  cancel: (ticket) => cancel(ticket, "owner", 50_000, policy),
};
const moves: Record<string, string> = {
  "queued + claim by another": "processing claimed",
  "queued + claim by the same": "processing claimed",
  "processing + claim by another": "processing held",
  "processing + claim by the same": "processing claimed",
  "processing + settle judged": "completed stored",
  "processing + settle timeout": "queued stored",
  "processing + settle refused": "failed stored",
  "processing + give back": "queued stored",
  "processing + claimant died": "queued stored",
  "queued + cancel": "cancelled nothing",
  "processing + cancel": "cancelled nothing",
  "cancelled + cancel": "cancelled nothing",
  "cancelled in a call + cancel": "cancelled nothing",
  // The call that was under way is over: nothing changes but that the ticket holds nothing more.
  "cancelled in a call + settle judged": "cancelled stored",
  "cancelled in a call + settle timeout": "cancelled stored",
  "cancelled in a call + settle refused": "cancelled stored",
  "cancelled in a call + give back": "cancelled stored",
  "cancelled in a call + claimant died": "cancelled stored",
};
/** Answered from the claim that lives, or from the end: nothing moves. */
const standing = new Set([
  "processing + claim by another",
  "processing + claim by the same",
  "cancelled + cancel",
  "cancelled in a call + cancel",
]);
for (const [status, ticket] of Object.entries(tickets)) {
  for (const [name, act] of Object.entries(acts)) {
    const refusal = ["elapse", "cancel"].includes(name)
      ? "nothing"
      : name.startsWith("claim by")
        ? "over"
        : "stale";
    const unmoved = `${status.split(" ")[0]} ${refusal}`;
    const expected = moves[`${status} + ${name}`] ?? unmoved;
    it(`${status} + ${name} -> ${expected}`, () => {
      const after = act(ticket);
      expect(`${after.ticket.state.status} ${after.reply?.kind ?? "nothing"}`).toBe(expected);
      const isMoved = after.ticket !== ticket;
      expect(isMoved).toBe(
        moves[`${status} + ${name}`] !== undefined && !standing.has(`${status} + ${name}`),
      );
    });
  }
}

it("hands out a higher token with every claim, and takes nothing with an older one", () => {
  const back = giveBack(held, 1, 1_000, policy).ticket;
  const again = claim(back, "p2", false, 1_000, policy);
  expect(again.reply).toEqual({ kind: "claimed", fence: 2, leaseEndsAtMs: 76_000 });
  expect(settle(again.ticket, 1, judged, 1_001, policy, 0)).toEqual({
    ticket: again.ticket,
    events: [],
    reply: { kind: "stale" },
  });
  expect(settle(again.ticket, 2, judged, 1_001, policy, 0).ticket.state.status).toBe("completed");
});

it("answers a claim that is asked for again with the same claim, and never begins it anew once it is over", () => {
  const again = claim(held, "p1", false, 9_000, policy);
  expect(again).toEqual({
    ticket: held,
    events: [],
    reply: { kind: "claimed", fence: 1, leaseEndsAtMs: 75_000 },
  });
  const back = giveBack(held, 1, 10_000, policy).ticket;
  expect(claim(back, "p1", false, 10_000, policy).reply).toEqual({ kind: "over" });
});

it("is not claimed in its backoff, but for what the gate's clock may be ahead: two seconds, to the millisecond", () => {
  const waits = acceptTicket(about, texts, none, null, 7_000, 0, policy).ticket;
  expect(claim(waits, "p", false, 4_999, policy).reply).toEqual({ kind: "early", notBeforeMs: 7_000 });
  expect(claim(waits, "p", false, 5_000, policy).reply.kind).toBe("claimed");
});

it("is stored by who settles within the lease, and stale from the moment it ends", () => {
  expect(settle(held, 1, judged, 74_999, policy, 0).reply.kind).toBe("stored");
  const late = settle(held, 1, judged, 75_000, policy, 0);
  expect(late.reply.kind).toBe("stale");
  expect(late.ticket).toMatchObject({ state: { status: "queued" }, progress: { suspect: true } });
});

it("keeps the result, counts the attempt and holds no text when it has completed", () => {
  const { ticket, events } = settle(held, 1, judged, 800, policy, 0);
  expect(ticket.state).toEqual({ status: "completed", result, endedAtMs: 800, forgetAtMs: 500_800 });
  expect(ticket.progress).toMatchObject({ attempts: 1, failedAttempts: 0, spent: one, updatedAtMs: 800 });
  expect(events).toEqual([{ number: 3, atMs: 800, kind: "completed" }]);
});

const served: Others = {
  served: true,
  mostlyFaults: false,
  held: false,
  judged: "since",
  cleanEnd: false,
};

it("holds no texts in any end", () => {
  const last = withProgress(held, { attempts: 3 });
  const ends = [
    settle(held, 1, judged, 800, policy, 0),
    settle(last, 1, { ...failing(timeout), others: served }, 800, policy, 0),
    settle(held, 1, failing({ reason: "truncated" }), 800, policy, 0),
    claimantDied(withProgress(held, { deaths: 2 }), 1, true, 800, policy),
    elapse(fresh, 100_000, policy),
    elapse(held, 100_000, policy),
  ].map(({ ticket }) => ticket);
  expect(ends.map(({ state }) => state.status)).toEqual([
    "completed",
    "failed",
    "failed",
    "failed",
    "expired",
    "expired",
  ]);
  expect(JSON.stringify(ends)).not.toContain("secret");
  expect(JSON.stringify(held)).toContain("secret");
});

it.each<[Failure, string]>([
  // Nobody is known to be served: it is the provider's day, and costs nothing.
  [{ reason: "connection", code: "ECONNRESET" }, "queued 0 attempt_failed"],
  [timeout, "queued 0 attempt_failed"],
  [{ reason: "unavailable", status: 529, retryAfterMs: null }, "queued 0 attempt_failed"],
  [{ reason: "rate_limited", retryAfterMs: null }, "queued 0 attempt_failed"],
  [{ reason: "credentials_refused", status: 401 }, "queued 0 refused"],
  [{ reason: "quota_exhausted", status: 429 }, "queued 0 refused"],
  [{ reason: "hung_up" }, "queued 0 given_back"],
  [{ reason: "request_refused", status: 400, vendorSays: "masked" }, "failed 1 failed"],
  [{ reason: "content_refused", kind: "safety" }, "failed 1 failed"],
  [{ reason: "truncated" }, "failed 1 failed"],
  [{ reason: "unreadable", why: "bad_winner" }, "queued 1 attempt_failed"],
])("after %j it is: %s", (failure, expected) => {
  const { ticket, events } = settle(held, 1, failing(failure), 1_000, policy, 0);
  const [event] = events;
  const happened = event?.kind === "returned" ? event.why : event?.kind;
  expect(`${ticket.state.status} ${ticket.progress.attempts} ${happened}`).toBe(expected);
  expect(ticket.progress.failedAttempts).toBe(/refused|given_back/.test(expected) ? 0 : 1);

  // As a probe it is the same, but for the attempts; and what is worth retrying is retried without end.
  const asProbe = settle(probing, 1, failing(failure), 1_000, policy, 0).ticket;
  expect(asProbe.state.status).toBe(ticket.state.status);
  expect(asProbe.progress.attempts).toBe(0);
});

const spend = (before: number | null, costUsd: number | null) => {
  const spent = { calls: 2, costUsd: before };
  const outcome = { kind: "judged", result, spent: { calls: 2, costUsd } } as const;
  return settle(withProgress(held, { spent }), 1, outcome, 1, policy, 0).ticket.progress.spent;
};

it("adds up what all its calls cost, and knows no cost where none is known", () => {
  expect(spend(0.25, 0.5)).toEqual({ calls: 4, costUsd: 0.75 });
  expect(spend(0.25, null)).toEqual({ calls: 4, costUsd: 0.25 });
  expect(spend(null, 0.5)).toEqual({ calls: 4, costUsd: 0.5 });
  expect(spend(null, null)).toEqual({ calls: 4, costUsd: null });
});

it("expires at its time while it waits, and not a millisecond before", () => {
  expect(elapse(fresh, 99_999, policy).ticket).toBe(fresh);
  const { ticket, events } = elapse(fresh, 100_000, policy);
  expect(ticket.state).toMatchObject({ status: "expired", endedAtMs: 100_000, forgetAtMs: 600_000 });
  expect(events).toEqual([{ number: 2, atMs: 100_000, kind: "expired" }]);
  const late = claim(fresh, "p", false, 100_000, policy);
  expect(late).toMatchObject({ reply: { kind: "over" }, ticket: { state: { status: "expired" } } });
  expect(late.events).toHaveLength(1);
});

const state = (after: { ticket: Ticket }) => after.ticket.state.status;

it("stays in processing under a live claim past its time: judged it completes, otherwise it expires", () => {
  const late = claim(fresh, "p", false, 99_999, policy).ticket;
  expect(elapse(late, 174_998, policy).ticket).toBe(late);
  expect(state(settle(late, 1, judged, 150_000, policy, 0))).toBe("completed");
  expect(state(settle(late, 1, failing(timeout), 99_999, policy, 0))).toBe("queued");
  expect(state(settle(late, 1, failing(timeout), 100_000, policy, 0))).toBe("expired");
  expect(state(settle(late, 1, failing({ reason: "truncated" }), 99_999, policy, 0))).toBe("failed");
  expect(state(settle(late, 1, failing({ reason: "truncated" }), 100_000, policy, 0))).toBe("expired");
  expect(state(giveBack(late, 1, 100_000, policy))).toBe("expired");
  expect(state(claimantDied(late, 1, true, 100_000, policy))).toBe("expired");
  expect(state(elapse(late, 174_999, policy))).toBe("expired");
});

it("counts the attempt that it expires with", () => {
  const late = claim(fresh, "p", false, 99_999, policy).ticket;
  const { ticket } = settle(late, 1, failing({ reason: "truncated" }), 100_000, policy, 0);
  expect(ticket.progress).toMatchObject({ attempts: 1, failedAttempts: 1, spent: one });
  expect(ticket.state).toMatchObject({ status: "expired", lastFailure: { reason: "truncated" } });
});

it("expires once, though its lease ends long after its time and nobody looked", () => {
  const { ticket, events } = elapse(held, 10 ** 9, policy);
  expect(ticket.state.status).toBe("expired");
  expect(events.map(({ kind }) => kind)).toEqual(["expired"]);
});

const die = (ticket: Ticket, alone: boolean) =>
  claimantDied(ticket, ticket.progress.fence, alone, 0, policy).ticket;
const run = (ticket: Ticket) => claim(ticket, `p${ticket.progress.fence + 1}`, false, 0, policy).ticket;

it("is a suspect after its process died in flight, and costs it no attempt", () => {
  const after = die(held, false);
  expect(after).toMatchObject({
    state: { status: "queued", notBeforeMs: 0 },
    progress: { suspect: true, deaths: 0, attempts: 0 },
  });
});

it("fails after its third death alone: in a crowd the first one doesn't count", () => {
  const crowd = die(held, false);
  const second = die(run(crowd), false);
  const third = die(run(second), false);
  expect(third).toMatchObject({ state: { status: "queued" }, progress: { deaths: 2 } });
  expect(die(run(third), false).state).toMatchObject({ status: "failed", failure: { reason: "crashed" } });

  const twice = die(run(die(held, true)), true);
  expect(twice.state.status).toBe("queued");
  expect(die(run(twice), true).state.status).toBe("failed");
});

it("counts a lease that ended as a death, and a suspect's as one alone", () => {
  const first = elapse(held, 75_000, policy);
  expect(first.events).toMatchObject([{ kind: "returned", why: "died", reason: null }]);
  expect(first.ticket.progress).toMatchObject({ suspect: true, deaths: 0 });
  const again = claim(first.ticket, "p2", false, 75_000, { ...policy, leaseMs: 10 }).ticket;
  expect(elapse(again, 75_010, policy).ticket.progress).toMatchObject({ deaths: 1 });
});

it("is cleared of suspicion by a run that ends, whatever came of it, and not by one given back", () => {
  const suspect = run(die(held, true));
  const settled = settle(suspect, 2, failing(timeout), 1, policy, 0).ticket;
  expect(settled.progress).toMatchObject({ suspect: false, deaths: 1 });
  expect(giveBack(suspect, 2, 1, policy).ticket.progress.suspect).toBe(true);
  expect(giveBack(held, 1, 1, policy).ticket.progress).toMatchObject({
    suspect: false,
    attempts: 0,
    deaths: 0,
  });
});

it("is cancelled at once, its texts gone, with one last event that says by whom", () => {
  const { ticket, events } = cancel(fresh, "operator", 800, policy);
  const state = { status: "cancelled", cancelledBy: "operator", claim: null } as const;
  expect(ticket.state).toEqual({ ...state, endedAtMs: 800, forgetAtMs: 500_800 });
  expect(events).toEqual([{ number: 2, atMs: 800, kind: "cancelled", cancelledBy: "operator" }]);
  expect(JSON.stringify([withdrawn, inCall])).not.toContain("secret");
  // Older code knows no such end: it must leave the ticket alone.
  expect([fresh.version, ticket.version]).toEqual([1, 2]);
  // Said again by another, it is as it was.
  expect(cancel(ticket, "owner", 900, policy)).toEqual({ ticket, events: [], reply: null });
});

it("keeps the claim of the call that is under way when it is cancelled, until the call is settled: its cost counts, its verdict does not", () => {
  expect(inCall.state).toMatchObject({ claim: { permit: "p1", leaseEndsAtMs: 75_000 } });
  const late = settle(inCall, 1, judged, 74_999, policy, 0);
  expect(late).toMatchObject({ events: [], reply: { kind: "stored" } });
  expect(late.ticket).toEqual({
    ...inCall,
    progress: { ...inCall.progress, spent: one },
    state: { ...inCall.state, claim: null },
  });
  expect(giveBack(inCall, 1, 74_999, policy, one).ticket).toEqual(late.ticket);
  // A second time, or with an older token, nothing is added.
  expect(settle(late.ticket, 1, judged, 74_999, policy, 0).reply.kind).toBe("stale");
  expect(settle(inCall, 0, judged, 74_999, policy, 0)).toMatchObject({
    ticket: inCall,
    reply: { kind: "stale" },
  });
});

it("lets go of the claim when its lease ends, to the millisecond, if nobody settles it", () => {
  expect(ticketDueMs(inCall)).toBe(75_000);
  expect(elapse(inCall, 74_999, policy).ticket).toBe(inCall);
  const { ticket, events } = elapse(inCall, 75_000, policy);
  expect(events).toEqual([]);
  expect(ticket.state).toEqual({ ...inCall.state, claim: null });
  expect(ticketDueMs(ticket)).toBe(500_010);
  expect(settle(inCall, 1, judged, 75_000, policy, 0).reply.kind).toBe("stale");
});

it("tells the gate that it is gone when it is cancelled; in a call, when that is over", () => {
  const gone = { kind: "remove", keptBytes: 0 };
  expect(noticeOf(withdrawn)).toEqual({ ...gone, event: 2 });
  expect(noticeOf(inCall)).toBeNull();
  const over = settle(inCall, 1, judged, 800, policy, 0).ticket;
  expect(noticeOf(over)).toEqual({ ...gone, event: 3 });
  expect(noticeOf(gateHeard(over, 3))).toBeNull();
});

it("expires at its time, though it is cancelled later", () => {
  expect(state(cancel(fresh, "owner", 100_000, policy))).toBe("expired");
  expect(state(cancel(fresh, "owner", 99_999, policy))).toBe("cancelled");
  // Under a live claim it is not over yet.
  expect(state(cancel(claim(fresh, "p", false, 99_999, policy).ticket, "owner", 100_000, policy))).toBe(
    "cancelled",
  );
});

it("is forgotten when its retention is over, and not a millisecond before", () => {
  const ticket = within(ended.completed);
  expect(isForgotten(ticket, 500_009)).toBe(false);
  expect(isForgotten(ticket, 500_010)).toBe(true);
  expect(isForgotten(fresh, 10 ** 12)).toBe(false);
});

it("is due when it expires, when its lease ends, or when it is forgotten", () => {
  expect([fresh, held, within(ended.failed)].map(ticketDueMs)).toEqual([100_000, 75_000, 500_010]);
});

it("tells the gate what it must know, until the gate has heard it", () => {
  const enqueue = { kind: "enqueue", event: 1, notBeforeMs: 0 };
  expect(noticeOf(fresh)).toEqual(enqueue);
  expect(noticeOf(gateHeard(fresh, 1))).toBeNull();
  expect(noticeOf(held)).toBeNull();
  const back = settle(held, 1, failing(timeout), 1_000, policy, 0.5).ticket;
  expect(noticeOf(back)).toEqual({
    kind: "requeue",
    event: 3,
    notBeforeMs: 46_000,
    suspect: false,
    permit: "p1",
  });
  expect(noticeOf(die(held, false))).toMatchObject({ kind: "requeue", suspect: true });
  const done = settle(held, 1, judged, 1_000, policy, 0).ticket;
  expect(noticeOf(done)).toEqual({ kind: "remove", event: 3, keptBytes: 0 });
  expect(noticeOf(gateHeard(done, 2))).toEqual({ kind: "remove", event: 3, keptBytes: 0 });
  expect(noticeOf(gateHeard(done, 3))).toBeNull();
  expect(gateHeard(gateHeard(done, 3), 1).progress.gateHeard).toBe(3);
  expect(gateHeard(done, 99).progress.gateHeard).toBe(3);
});

it("gives back the comparison as it was resolved, while it has it", () => {
  const queued = fresh as Ticket & { state: Queued | Processing };
  expect(comparisonOf(queued)).toEqual({
    provider: "openai",
    model: "m",
    ...texts,
    parameters: about.parameters,
  });
  const item = { ticketId: "t1", priority: 3, acceptedAtMs: 0, model: "m", tenant: "", comparison: "00" };
  const tokens = tokensOf(18, about.parameters.maxTokens);
  expect(queueItemOf(fresh)).toEqual({ ...item, sizeBytes: 18, tokens });
  const keys = { tenant: "0123456789abcdef", model: "#k" };
  const known = { ...fresh, about: { ...fresh.about, keys, storedBytes: 2_000 } };
  expect(queueItemOf(known)).toEqual({ ...item, ...keys, sizeBytes: 2_000, tokens });
});

it("reads itself back from JSON in every state, and waits for newer code's tickets", () => {
  for (const ticket of Object.values(tickets)) {
    expect(decodeTicket(JSON.parse(JSON.stringify(ticket)))).toEqual({ kind: "known", value: ticket });
  }
  expect(decodeTicket({ ...fresh, version: 4 })).toEqual({ kind: "newer", version: 4 });
  expect(decodeTicket("{")).toEqual({ kind: "unreadable" });
});
