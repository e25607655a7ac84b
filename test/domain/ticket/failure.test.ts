/** What a failed call means for its ticket: who is charged, how long it waits, and when it ends. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import type { Others } from "../../../src/domain/gate/call-report.ts";
import { claim, settle, acceptTicket } from "../../../src/domain/ticket/moves.ts";
import type { Progress, Ticket } from "../../../src/domain/ticket/ticket.ts";
import { about, policy as short, texts } from "../durable-builders.ts";

const policy = { ...short, ttlMs: 14_400_000 };
const nobody: Others = {
  served: false,
  mostlyFaults: false,
  held: false,
  judged: "not_for_a_day",
  cleanEnd: false,
};
const served: Others = { ...nobody, served: true, judged: "since" };
const unavailable: Failure = { reason: "unavailable", status: 503, retryAfterMs: null };
const timeout: Failure = { reason: "timeout" };
const unreadable: Failure = { reason: "unreadable", why: "no_verdict" };
const nothing = { calls: 0, costUsd: null };

function claimed(progress: Partial<Progress> = {}, asProbe = false): Ticket {
  const { ticket } = acceptTicket(about, texts, nothing, null, 0, 0, policy);
  const at = claim({ ...ticket, progress: { ...ticket.progress, ...progress } }, "p", asProbe, nowMs, policy);
  return at.ticket;
}

/** Of every claim here. */
const nowMs = 200_000;

function after(ticket: Ticket, failure: Failure, others: Others | null, random = 0) {
  const outcome = { kind: "failed", failure, spent: nothing, others } as const;
  const { ticket: next } = settle(ticket, ticket.progress.fence, outcome, nowMs, policy, random);
  const { state, progress } = next;
  return {
    status: state.status,
    attempts: progress.attempts,
    waitMs: state.status === "queued" ? state.notBeforeMs - nowMs : null,
    progress,
  };
}

describe("a fault of the provider's", () => {
  it.each([
    ["nobody else is served", nobody, {}, false, 0],
    ["the gate can't be asked", null, {}, false, 0],
    ["somebody else is served", served, {}, false, 1],
    [
      "somebody is served, but by luck: half of the model's calls are faults",
      { ...served, mostlyFaults: true },
      {},
      false,
      0,
    ],
    [
      "somebody is served, 59,999 ms after the last charge",
      served,
      { chargedAtMs: nowMs - 59_999 },
      false,
      0,
    ],
    [
      "somebody is served, 60,000 ms after the last charge",
      served,
      { chargedAtMs: nowMs - 60_000 },
      false,
      1,
    ],
    ["it was a probe", served, {}, true, 0],
  ] satisfies [string, Others | null, Partial<Progress>, boolean, number][])(
    "while %s costs as many attempts: %#",
    (_, others, progress, asProbe, attempts) => {
      for (const failure of [unavailable, timeout, { reason: "connection", code: "X" } as const]) {
        expect(after(claimed(progress, asProbe), failure, others)).toMatchObject({
          status: "queued",
          attempts,
        });
      }
    },
  );

  it("ends it at its last attempt, and at no other call", () => {
    const spent = { attempts: 3, failedAttempts: 3 };
    expect(after(claimed(spent), unavailable, served)).toMatchObject({ status: "failed", attempts: 4 });
    expect(after(claimed(spent), unavailable, nobody)).toMatchObject({ status: "queued", attempts: 3 });
    expect(after(claimed(spent, true), unavailable, served)).toMatchObject({ status: "queued", attempts: 3 });
  });

  it.each([
    [unavailable, 0, 0, 1_000],
    [unavailable, 0, 0.999_999, 2_000],
    [unavailable, 1, 0, 2_000],
    [unavailable, 7, 0, 128_000],
    [unavailable, 8, 0, 150_000],
    [unavailable, 1_000, 0.999_999, 300_000],
    [{ ...unavailable, retryAfterMs: 20_000 }, 0, 0, 20_000],
    [{ ...unavailable, retryAfterMs: 10 ** 9 }, 0, 0, 900_000],
    [timeout, 0, 0, 30_000],
    [timeout, 0, 0.999_999, 60_000],
    [timeout, 4, 0, 480_000],
    [timeout, 5, 0, 900_000],
    [timeout, 1_000, 0.5, 900_000],
  ] satisfies [Failure, number, number, number][])(
    "%j after %i others in a row, with a random %d, waits %i ms",
    (failure, before, random, waitMs) => {
      const progress = { faults: before, timeouts: before };
      expect(after(claimed(progress), failure, nobody, random).waitMs).toBe(waitMs);
    },
  );

  it("as a probe leaves the backoff where it was, but a timeout is billed as a probe too", () => {
    expect(after(claimed({ faults: 3 }, true), unavailable, nobody).progress).toMatchObject({ faults: 3 });
    expect(after(claimed({ faults: 3 }), unavailable, nobody).progress).toMatchObject({ faults: 4 });
    expect(after(claimed({ timeouts: 3 }, true), timeout, nobody)).toMatchObject({
      waitMs: 240_000,
      progress: { timeouts: 4 },
    });
    expect(after(claimed({ timeouts: 3 }), unavailable, nobody).progress).toMatchObject({ timeouts: 0 });
  });
});

describe("a 429", () => {
  const named: Failure = { reason: "rate_limited", retryAfterMs: 7_000 };
  const unnamed: Failure = { reason: "rate_limited", retryAfterMs: null };

  it("costs nothing, and waits as long as the vendor asked, at most fifteen minutes", () => {
    expect(after(claimed(), named, served)).toMatchObject({ status: "queued", attempts: 0, waitMs: 7_000 });
    expect(after(claimed(), { ...named, retryAfterMs: 10 ** 9 }, served).waitMs).toBe(900_000);
  });

  it.each([
    [0, 30_000],
    [1, 60_000],
    [4, 480_000],
    [5, 900_000],
    [50, 900_000],
  ])("that names no time waits, after %i such in a row, %i ms", (limitedUnnamed, waitMs) => {
    expect(after(claimed({ limitedUnnamed }), unnamed, nobody).waitMs).toBe(waitMs);
  });

  it("ends it at its ninth in a row while others of its model were answered, and never while none was", () => {
    expect(after(claimed({ limited: 7 }), named, served).status).toBe("queued");
    expect(after(claimed({ limited: 8 }), named, served).status).toBe("failed");
    expect(after(claimed({ limited: 8 }), named, nobody).status).toBe("queued");
    expect(after(claimed({ limited: 8 }), named, null).status).toBe("queued");
    expect(after(claimed({ limited: 8 }, true), named, served).status).toBe("queued");
    expect(after(claimed({ limited: 8 }), unavailable, nobody).progress).toMatchObject({ limited: 0 });
  });

  it("counts no sooner than a minute after the last that was counted: others' calls may have used the rate up", () => {
    const soon = claimed({ limited: 8, limitedAtMs: nowMs - 59_999 });
    expect(after(soon, named, served)).toMatchObject({ status: "queued", progress: { limited: 8 } });
    const later = claimed({ limited: 8, limitedAtMs: nowMs - 60_000 });
    expect(after(later, named, served).status).toBe("failed");
    const first = after(claimed(), named, served);
    expect(first.progress).toMatchObject({ limited: 1, limitedAtMs: nowMs });
  });
});

describe("a refusal of the account or the model", () => {
  it.each([
    { reason: "credentials_refused", status: 401 },
    { reason: "credentials_refused", status: 403, scope: "model" },
    { reason: "quota_exhausted", status: 429 },
  ] satisfies Failure[])(
    "costs nothing, and waits for the gate, or by itself where no gate holds it: %j",
    (failure) => {
      expect(after(claimed(), failure, { ...nobody, held: true })).toMatchObject({ attempts: 0, waitMs: 0 });
      expect(after(claimed(), failure, nobody)).toMatchObject({ attempts: 0, waitMs: 10_000 });
      expect(after(claimed({ refusals: 3 }), failure, null)).toMatchObject({ attempts: 0, waitMs: 80_000 });
      expect(after(claimed({ refusals: 30 }), failure, null).waitMs).toBe(900_000);
    },
  );
});

describe("what only a sentence says", () => {
  const doubtful: Failure = {
    reason: "request_refused",
    status: 429,
    vendorSays: "Request too large",
    unlessServed: { reason: "rate_limited", retryAfterMs: 5_000 },
  };

  it("ends it where the model answered another, and is what the status says otherwise", () => {
    expect(after(claimed(), doubtful, served)).toMatchObject({ status: "failed", attempts: 1 });
    expect(after(claimed(), doubtful, nobody)).toMatchObject({
      status: "queued",
      attempts: 0,
      waitMs: 5_000,
    });
    expect(after(claimed(), doubtful, null)).toMatchObject({ status: "queued", attempts: 0, waitMs: 5_000 });
  });
});

describe("an answer without a judgement", () => {
  it("costs an attempt at first, and is asked again a minute later", () => {
    expect(after(claimed(), unreadable, served)).toMatchObject({
      status: "queued",
      attempts: 1,
      waitMs: 60_000,
      progress: { unreadableAtMs: nowMs },
    });
  });

  it.each([
    ["since", 60_000, "failed"],
    ["since", 59_999, "queued"],
    ["not_for_a_day", 60_000, "failed"],
    ["before", 60_000, "queued"],
  ] as const)(
    "whose model gave a judgement %s, %i ms after the first, makes it %s",
    (judged, agoMs, status) => {
      const again = claimed({ attempts: 1, failedAttempts: 1, unreadableAtMs: nowMs - agoMs });
      expect(after(again, unreadable, { ...served, judged })).toMatchObject({
        status,
        attempts: status === "failed" ? 2 : 1,
      });
    },
  );

  it("ends nothing where the gate can't be asked, or where it was a probe", () => {
    const again = { attempts: 1, failedAttempts: 1, unreadableAtMs: nowMs - 60_000 };
    expect(after(claimed(again), unreadable, null).status).toBe("queued");
    expect(after(claimed(again, true), unreadable, served).status).toBe("queued");
  });
});

describe("a call that throws", () => {
  function threw(progress: Partial<Progress>, others: Others | null) {
    const ticket = claimed(progress);
    const failure = { reason: "hung_up" } as const;
    const outcome = { kind: "failed", failure, threw: true, spent: nothing, others } as const;
    return settle(ticket, ticket.progress.fence, outcome, nowMs, policy, 0);
  }

  it("gives it back as a suspect, uncharged, in a backoff of its own", () => {
    const { ticket, events } = threw({}, nobody);
    expect(ticket).toMatchObject({
      state: { status: "queued", notBeforeMs: nowMs + 1_000 },
      progress: { attempts: 0, suspect: true, throws: 1, thrownAtMs: nowMs },
    });
    expect(events).toMatchObject([{ kind: "returned", why: "threw", reason: null }]);
  });

  it("ends it the third time, if another ticket came to a clean end since the first", () => {
    const twice = { throws: 2, thrownAtMs: 1_000 };
    const clean = { ...nobody, cleanEnd: true };
    expect(threw(twice, clean).ticket.state).toMatchObject({
      status: "failed",
      failure: { reason: "crashed" },
    });
    expect(threw(twice, nobody).ticket.state.status).toBe("queued");
    expect(threw(twice, null).ticket.state.status).toBe("queued");
    expect(threw({ throws: 1, thrownAtMs: 1_000 }, clean).ticket.state.status).toBe("queued");
  });
});
