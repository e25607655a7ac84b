/** Random histories of one ticket: whatever workers and clocks do, what the contract promises of a ticket holds at every step. */
// What is expected of a step depends on the step.
/* oxlint-disable vitest/no-conditional-expect */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import type { Others } from "../../../src/domain/gate/call-report.ts";
import {
  isEnded,
  type Ticket,
  type TicketEvent,
  type TicketState,
} from "../../../src/domain/ticket/ticket.ts";
import {
  acceptTicket,
  cancel,
  type Claimed,
  type Settled,
  claim,
  claimantDied,
  elapse,
  giveBack,
  settle,
} from "../../../src/domain/ticket/moves.ts";
import type { Moved } from "../../../src/domain/ticket/steps.ts";
import { about, policy, result, texts } from "../durable-builders.ts";

const failures: Failure[] = [
  { reason: "timeout" },
  { reason: "unavailable", status: 503, retryAfterMs: 3_000 },
  { reason: "rate_limited", retryAfterMs: null },
  { reason: "credentials_refused", status: 401 },
  { reason: "hung_up" },
  { reason: "unreadable", why: "no_verdict" },
  { reason: "truncated" },
];

const step = fc.record({
  act: fc.constantFrom(
    "claim",
    "claim",
    "judged",
    "failed",
    "failed",
    "give back",
    "died",
    "elapse",
    "cancel",
  ),
  permit: fc.integer({ min: 0, max: 30 }),
  asProbe: fc.boolean(),
  /** How many claims ago the token was handed out. */
  staleBy: fc.constantFrom(0, 0, 0, 0, 1, 2),
  failure: fc.constantFrom(...failures),
  others: fc.option(
    fc.record({
      served: fc.boolean(),
      mostlyFaults: fc.boolean(),
      held: fc.boolean(),
      judged: fc.constantFrom("since" as const, "before" as const, "not_for_a_day" as const),
      cleanEnd: fc.boolean(),
    }),
  ),
  forMs: fc.constantFrom(0, 1, 500, 4_000, 8_000, 74_999, 75_000),
  random: fc.constantFrom(0, 0.5, 0.99),
});

const legal = new Set([
  "queued>processing",
  "queued>expired",
  "processing>queued",
  "processing>completed",
  "processing>failed",
  "processing>expired",
  "queued>cancelled",
  "processing>cancelled",
]);

it("keeps every promise over any history", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const begun = acceptTicket(about, texts, { calls: 0, costUsd: null }, null, 0, 0, policy);
      let ticket: Ticket = begun.ticket;
      const events: TicketEvent[] = [...begun.events];
      const fences: number[] = [];
      let nowMs = 0;
      let counted = 0;
      let failed = 0;
      for (const { act, permit, asProbe, staleBy, failure, others, forMs, random } of steps) {
        nowMs += forMs;
        const before = JSON.parse(JSON.stringify(ticket)) as Ticket;
        const token = before.progress.fence - staleBy;
        const after = doAct();
        ticket = after.ticket;
        events.push(...after.events);

        // Time can bring it back to waiting first; then a claim follows in the same step.
        const path = [before.state.status, ...after.events.map(statusAfter)];
        path.slice(1).forEach((status, i) => expect(legal).toContain(`${path[i]}>${status}`));
        expect(ticket.state.status).toBe(path.at(-1));
        const isLate = before.state.status === "cancelled" && before.state.claim !== null;
        // The end of a call that was under way when the ticket was cancelled is no event.
        if (isLate) expect(withoutCall(ticket)).toEqual(withoutCall(before));
        else if (after.events.length === 0 || isEnded(before.state)) expect(ticket).toEqual(before);
        if (isEnded(ticket.state)) expect(JSON.stringify(ticket)).not.toContain("secret");
        if (after.reply?.kind === "stored") {
          expect(token).toBe(before.progress.fence);
          expect(liveClaim(before.state, nowMs)).toBe(true);
        }
        if (after.reply?.kind === "claimed") {
          if (after.events.some(({ kind }) => kind === "started")) {
            expect(liveClaim(before.state, nowMs)).toBe(false);
            fences.push(after.reply.fence);
            expect(nowMs).toBeLessThan(ticket.about.expiresAtMs);
          } else expect(after.reply.fence).toBe(before.progress.fence);
        }
        const isCall = !isLate && after.reply?.kind === "stored" && (act === "judged" || act === "failed");
        const wasProbe = before.state.status === "processing" && before.state.claim.asProbe;
        const isFree = wasProbe || (act === "failed" && !isCharged(before, failure, others, nowMs));
        if (isCall && !isFree) counted++;
        expect(ticket.progress.attempts).toBe(counted);
        expect(counted).toBeLessThanOrEqual(policy.maxAttempts);
        const isFailure = act === "failed" && !["credentials_refused", "hung_up"].includes(failure.reason);
        if (!isLate && after.reply?.kind === "stored" && isFailure && !wasProbe) failed++;
        expect(ticket.progress.failedAttempts).toBe(failed);
        if (ticket.state.status === "queued") expect(nowMs).toBeLessThan(ticket.about.expiresAtMs);
        if (nowMs >= ticket.about.expiresAtMs + policy.leaseMs) expect(isEnded(ticket.state)).toBe(true);

        function doAct(): Moved<Claimed | Settled | null> {
          switch (act) {
            case "claim":
              return claim(before, `p${permit}`, asProbe, nowMs, policy);
            case "judged":
              return settle(before, token, { kind: "judged", result, spent }, nowMs, policy, random);
            case "failed":
              return settle(before, token, { kind: "failed", failure, spent, others }, nowMs, policy, random);
            case "give back":
              return giveBack(before, token, nowMs, policy);
            case "cancel":
              return cancel(before, "owner", nowMs, policy);
            case "died":
              return claimantDied(before, token, asProbe, nowMs, policy);
            default:
              return elapse(before, nowMs, policy);
          }
        }
        if (isOver(ticket.state)) return checkEvents(events, ticket);
      }
      expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
      checkEvents(events, ticket);
    }),
    { numRuns: 500 },
  );
});

const spent = { calls: 1, costUsd: 0.001 };

/** The contract's two sentences, as directly as they can be written. A probe costs nothing in any case. */
function isCharged({ progress }: Ticket, failure: Failure, others: Others | null, nowMs: number): boolean {
  switch (failure.reason) {
    case "truncated":
      return true;
    case "unreadable": {
      const firstAtMs = progress.unreadableAtMs;
      const isLast = progress.attempts + 1 >= policy.maxAttempts;
      const isItsOwn = others !== null && others.judged !== "before";
      if (firstAtMs === undefined) return !isLast || isItsOwn;
      return isItsOwn && (isLast || nowMs - firstAtMs >= 60_000);
    }
    case "timeout":
    case "unavailable": {
      const isServed = others?.served === true && !others.mostlyFaults;
      return isServed && (progress.chargedAtMs === undefined || nowMs - progress.chargedAtMs >= 60_000);
    }
    case "rate_limited":
      return (
        others?.served === true &&
        (progress.limited ?? 0) >= 8 &&
        (progress.limitedAtMs === undefined || nowMs - progress.limitedAtMs >= 60_000)
      );
    default:
      return false;
  }
}

function liveClaim(state: TicketState, nowMs: number): boolean {
  const claim = state.status === "processing" || state.status === "cancelled" ? state.claim : null;
  return claim !== null && nowMs < claim.leaseEndsAtMs;
}

function isOver(state: TicketState): boolean {
  return isEnded(state) && (state.status !== "cancelled" || state.claim === null);
}

/** Of one that is cancelled: what may change no more. */
function withoutCall({ progress, state, ...rest }: Ticket): unknown {
  return { ...rest, progress: { ...progress, spent: null }, state: { ...state, claim: null } };
}

function checkEvents(events: readonly TicketEvent[], ticket: Ticket): void {
  expect(events.map(({ number }) => number)).toEqual(events.map((_, i) => i + 1));
  expect(ticket.progress.events).toBe(events.length);
  const terminal = events.filter((event) =>
    ["completed", "failed", "expired", "cancelled"].includes(event.kind),
  );
  expect(terminal).toHaveLength(isEnded(ticket.state) ? 1 : 0);
  if (isEnded(ticket.state)) expect(events.at(-1)?.kind).toBe(ticket.state.status);
}

function statusAfter(event: TicketEvent): TicketState["status"] {
  switch (event.kind) {
    case "accepted":
    case "returned":
      return "queued";
    case "started":
      return "processing";
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
      return event.kind;
  }
}
