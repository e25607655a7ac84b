import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acceptTicket, claim, elapse, settle } from "../../../src/domain/ticket/moves.ts";
import { presentTicket, ticketMoved } from "../../../src/domain/ticket/set-back.ts";
import { isForgotten, ticketDueMs } from "../../../src/domain/ticket/ticket.ts";
import { about, policy, result, texts } from "../durable-builders.ts";

const startMs = 1_800_000_000_000;
const spent = { calls: 1, costUsd: null };
const jump = fc.integer({ min: 2_000, max: 3_600_000 });

const queued = acceptTicket(about, texts, spent, null, 7_000, startMs, policy).ticket;
const processing = claim(queued, "p", false, startMs + 7_000, policy).ticket;
const failure = { reason: "unavailable", status: 503, retryAfterMs: null } as const;
const others = { served: true, mostlyFaults: false, held: false, judged: "since", cleanEnd: false } as const;
const failed = { kind: "failed", failure, others, spent } as const;
const again = settle(processing, 1, failed, startMs + 8_000, policy, 0.5).ticket;
const judged = { kind: "judged", result, spent } as const;
const completed = settle(processing, 1, judged, startMs + 8_000, policy, 0.5).ticket;
const all = { queued, processing, again, completed };

describe.each(Object.entries(all))("a clock that is set back under a ticket that is %s", (_, ticket) => {
  const { updatedAtMs } = ticket.progress;

  it("leaves what lies before it as far away as it was", () => {
    fc.assert(
      fc.property(jump, (byMs) => {
        const nowMs = updatedAtMs - byMs;
        const present = elapse(ticket, nowMs, policy).ticket;
        expect(ticketDueMs(present) - nowMs).toBe(ticketDueMs(ticket) - updatedAtMs);
        expect(present.about.expiresAtMs - nowMs).toBe(ticket.about.expiresAtMs - updatedAtMs);
        expect(present).toEqual(ticketMoved(ticket, -byMs));
      }),
    );
  });

  it("does so once: what was stored then goes on with the clock", () => {
    const present = presentTicket(ticket, updatedAtMs - 3_600_000);
    for (const laterMs of [0, 1, 100_000])
      expect(presentTicket(present, updatedAtMs - 3_600_000 + laterMs)).toBe(present);
  });

  it("is no matter below two seconds, nor where it goes on", () => {
    for (const nowMs of [updatedAtMs - 1_999, updatedAtMs, updatedAtMs + 3_600_000])
      expect(presentTicket(ticket, nowMs)).toBe(ticket);
    expect(presentTicket(ticket, updatedAtMs - 2_000)).not.toBe(ticket);
  });
});

it("a ticket expires one TTL after it was accepted, by a clock that was set back an hour just then", () => {
  const nowMs = startMs - 3_600_000;
  const present = elapse(queued, nowMs, policy).ticket;
  const at = (ms: number) => elapse(present, nowMs + ms, policy).ticket.state.status;
  expect([at(policy.ttlMs - 1), at(policy.ttlMs)]).toEqual(["queued", "expired"]);
});

it("the first call for a ticket counts from its acceptance, though the clock was set back in between", () => {
  const hourMs = 3_600_000;
  const later = claim(
    elapse(queued, startMs - hourMs, policy).ticket,
    "p",
    false,
    startMs + 7_000 - hourMs,
    policy,
  );
  expect(later.ticket.progress).toMatchObject({
    calledAtMs: startMs + 7_000 - hourMs,
    calledBeforeMs: startMs - hourMs,
  });
});

it("a ticket that has ended is forgotten after its retention", () => {
  const nowMs = completed.progress.updatedAtMs - 3_600_000;
  const present = elapse(completed, nowMs, policy).ticket;
  const forgotten = [policy.retentionMs - 1, policy.retentionMs].map((ms) =>
    isForgotten(present, nowMs + ms),
  );
  expect(forgotten).toEqual([false, true]);
});

it("all that is known of a ticket's past moves with it, but the name of its acceptance", () => {
  const past = (ticket: typeof again) =>
    JSON.stringify({ ...ticket, about: { ...ticket.about, acceptedAtMs: 0 } })
      .match(/\d{13}/g)
      ?.map(Number) ?? [];
  expect(past(again).length).toBeGreaterThan(5);
  expect(past(ticketMoved(again, -5_000))).toEqual(past(again).map((atMs) => atMs - 5_000));
  expect(ticketMoved(again, -5_000).about.acceptedAtMs).toBe(again.about.acceptedAtMs);
});
