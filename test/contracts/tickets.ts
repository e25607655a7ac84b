/** What every store of tickets promises (`src/gateway/ports.ts`, `src/domain/ticket/moves.ts`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import type { Others } from "../../src/domain/gate/call-report.ts";
import type { AttemptOutcome } from "../../src/domain/ticket/moves.ts";
import {
  queueItemOf,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "../../src/domain/ticket/ticket.ts";
import type { ClaimableTickets, StartingGate } from "../../src/engine/claims.ts";
import type { Draft, Gate, Tickets } from "../../src/gateway/ports.ts";

/** A store that nobody used before, with the default settings, and the gate that it tells what has happened. */
export interface TicketsUnderTest {
  readonly tickets: ClaimableTickets;
  /** Of the provider `mock`. What it sends goes nowhere. */
  readonly gate: Gate & StartingGate;
  /** All that was written of it, in order. */
  events(id: string): Promise<readonly TicketEvent[]>;
  /** Is this text anywhere in what is stored? */
  holds(text: string): Promise<boolean>;
  nowMs(): number;
  /** Moves the store's clock on; what falls due on the way has happened then. */
  advance(ms: number): Promise<void>;
  /** Its process or object dies and begins anew over what it has stored. */
  restart(): Promise<void>;
}

export function testTickets(policy: TicketPolicy, make: () => Promise<TicketsUnderTest>): void {
  it("keeps the whole comparison, accepted now by its own clock", async () => {
    const { tickets, nowMs } = await make();
    const draft = draftOf();
    const created = await kept(tickets, draft);
    const { id } = draft.about;
    expect(created.about).toEqual({
      ...draft.about,
      acceptedAtMs: nowMs(),
      expiresAtMs: nowMs() + policy.ttlMs,
    });
    expect(created.state).toEqual({
      status: "queued",
      texts: draft.texts,
      notBeforeMs: nowMs() + draft.delayMs,
      lastFailure: draft.lastFailure,
    });
    expect(visible(await tickets.load(id))).toEqual(visible(created));
  });

  it("keeps texts of any characters as they are", async () => {
    const { tickets } = await make();
    const odd = "\u0000 “Grüße” \u{1f600} \ud800 \u2028 'quotes' \\ {essay_b}";
    const draft = draftOf({ texts: { systemPrompt: odd, userPrompt: odd, essayA: odd, essayB: "" } });
    await kept(tickets, draft);
    expect((await tickets.load(draft.about.id))?.state).toMatchObject({ texts: draft.texts });
  });

  it("keeps the first when it is asked for the same id again, also at once", async () => {
    const { tickets, events } = await make();
    const draft = draftOf();
    const other = { ...draft, texts: { ...draft.texts, essayA: "another" } };
    const created = await Promise.all([kept(tickets, draft), kept(tickets, other), kept(tickets, other)]);
    for (const { state } of created) expect(state).toEqual(created[0]?.state);
    const stored = await tickets.load(draft.about.id);
    expect(stored?.state).toEqual(created[0]?.state);
    expect(await events(draft.about.id)).toMatchObject([{ number: 1, kind: "accepted" }]);
  });

  it("knows nothing of an id that it never saw", async () => {
    const { tickets } = await make();
    const id = crypto.randomUUID();
    expect(await tickets.load(id)).toBeNull();
    expect(await tickets.claim(id, "p", false)).toBeNull();
    expect(await tickets.settle(id, 1, judged)).toEqual({ kind: "stale" });
    expect(await tickets.giveBack(id, 1)).toEqual({ kind: "stale" });
    expect(await tickets.cancel(id, "owner")).toBeNull();
    expect(await tickets.load(id)).toBeNull();
  });

  it("has told the gate of it by the time that it is kept", async () => {
    const { tickets, gate } = await make();
    const draft = draftOf();
    await kept(tickets, draft);
    expect(await gate.estimate(draft.about.id)).toMatchObject({ position: 1 });
    expect((await gate.status()).queue).toMatchObject({ size: 1, bytes: draft.about.sizeBytes });
  });

  it("gives one claim for all who ask, with the texts, and the same again to who has it", async () => {
    const world = await make();
    const ticket = await kept(world.tickets, draftOf());
    const { id } = ticket.about;
    const asked = await Promise.all(
      Array.from({ length: 5 }, (_, worker) => world.tickets.claim(id, `p${worker}`, false)),
    );
    const leaseEndsAtMs = world.nowMs() + policy.leaseMs;
    const claims = asked.map((answer) => answer?.claimed);
    expect(claims.filter((claimed) => claimed?.kind === "held")).toHaveLength(4);
    const winner = claims.findIndex((claimed) => claimed?.kind === "claimed");
    expect(asked[winner]).toMatchObject({
      claimed: { kind: "claimed", fence: 1, leaseEndsAtMs },
      ticket: { state: { status: "processing", texts: { essayA: "Essay of A" } } },
    });
    await world.advance(1_000);
    const again = await world.tickets.claim(id, `p${winner}`, false);
    expect(again?.claimed).toEqual({ kind: "claimed", fence: 1, leaseEndsAtMs });
  });

  it("is not claimed before its backoff is over, but for what the gate's clock may be ahead", async () => {
    const world = await make();
    const notBeforeMs = world.nowMs() + 2_500;
    const { about } = await kept(world.tickets, draftOf({ delayMs: 2_500 }));
    await world.advance(499);
    expect((await world.tickets.claim(about.id, "p", false))?.claimed).toEqual({
      kind: "early",
      notBeforeMs,
    });
    await world.advance(1);
    expect((await world.tickets.claim(about.id, "q", false))?.claimed).toMatchObject({ kind: "claimed" });
  });

  it("stores a judgement, erases the texts, and gives its place back", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    expect(await world.holds("Essay of A")).toBe(true);
    await world.advance(800);
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stored" });
    const ended = await world.tickets.load(about.id);
    expect(ended).toMatchObject({
      about,
      progress: { attempts: 1, failedAttempts: 0, spent: { calls: 3, costUsd: 0.03 } },
      state: {
        status: "completed",
        result: judged.kind === "judged" && judged.result,
        endedAtMs: world.nowMs(),
        forgetAtMs: world.nowMs() + policy.retentionMs,
      },
    });
    expect(await world.gate.status()).toMatchObject({ queue: { size: 0, bytes: 0 } });
    expect(await world.gate.estimate(about.id)).toBeNull();
    // Not on the way of the answer, but soon.
    await world.advance(15_000);
    for (const text of Object.values(texts)) expect(await world.holds(text)).toBe(false);
  });

  it("is cancelled while it waits: its texts go, its place is given back, and nobody claims it any more", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    const cancelled = await world.tickets.cancel(about.id, "owner");
    const endedAtMs = world.nowMs();
    const state = {
      status: "cancelled",
      cancelledBy: "owner",
      claim: null,
      endedAtMs,
      forgetAtMs: endedAtMs + policy.retentionMs,
    };
    expect(cancelled).toMatchObject({ about, progress: { spent: { calls: 2, costUsd: 0.02 } }, state });
    await world.advance(15_000);
    expect(await world.tickets.load(about.id)).toMatchObject({ state });
    expect((await world.gate.status()).queue).toMatchObject({ size: 0, bytes: 0 });
    for (const text of Object.values(texts)) expect(await world.holds(text)).toBe(false);
    expect(await world.tickets.claim(about.id, "p1", false)).toMatchObject({ claimed: { kind: "over" } });
    // Again, by anybody, it is as it was.
    expect(visible(await world.tickets.cancel(about.id, "operator"))).toEqual(visible(cancelled));
    expect(await world.events(about.id)).toMatchObject([
      { number: 1, kind: "accepted" },
      { number: 2, kind: "cancelled", cancelledBy: "owner" },
    ]);
    await world.advance(policy.retentionMs);
    expect(await world.tickets.load(about.id)).toBeNull();
    expect(await world.tickets.cancel(about.id, "owner")).toBeNull();
  });

  it("keeps its place when it is cancelled in a call, until the call is settled: what it cost counts, its verdict does not", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    const cancelled = await world.tickets.cancel(about.id, "owner");
    expect(cancelled?.state).toMatchObject({ status: "cancelled", claim: { permit: "p1" } });
    await world.advance(15_000);
    for (const text of Object.values(texts)) expect(await world.holds(text)).toBe(false);
    expect((await world.gate.status()).queue.size).toBe(1);
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stored" });
    const over = await world.tickets.load(about.id);
    expect(over).toMatchObject({
      progress: { spent: { calls: 3, costUsd: 0.03 }, attempts: 0 },
      state: { ...cancelled?.state, claim: null },
    });
    expect((await world.gate.status()).queue.size).toBe(0);
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stale" });
    expect(visible(await world.tickets.load(about.id))).toEqual(visible(over));
    expect((await world.events(about.id)).map(({ kind }) => kind)).toEqual([
      "accepted",
      "started",
      "cancelled",
    ]);
  });

  it("gives its place back when it was cancelled in a call and the lease of the call ends", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    const cancelled = await world.tickets.cancel(about.id, "owner");
    await world.restart();
    await world.advance(policy.leaseMs + 1_000);
    expect((await world.gate.status()).queue).toMatchObject({ size: 0, bytes: 0 });
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stale" });
    expect((await world.tickets.load(about.id))?.state).toEqual({ ...cancelled?.state, claim: null });
    await world.advance(policy.retentionMs);
    expect(await world.tickets.load(about.id)).toBeNull();
  });

  it("is not cancelled once it has ended otherwise, and has one end when both come at once", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await Promise.all([
      world.tickets.settle(about.id, 1, judged),
      ...Array.from({ length: 4 }, () => world.tickets.cancel(about.id, "owner")),
    ]);
    const { state } = (await world.tickets.load(about.id)) ?? {};
    const ends = (await world.events(about.id)).filter(({ kind }) =>
      ["completed", "cancelled"].includes(kind),
    );
    expect(ends.map(({ kind }) => kind)).toEqual([state?.status]);
    expect((await world.gate.status()).queue.size).toBe(0);

    const judgedFirst = await kept(world.tickets, draftOf());
    await begin(world, judgedFirst.about.id, "p2");
    await world.tickets.settle(judgedFirst.about.id, 1, judged);
    expect(await world.tickets.cancel(judgedFirst.about.id, "owner")).toMatchObject({
      state: { status: "completed" },
    });
  });

  it("takes the first end of a claim, and no second", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    const ends = await Promise.all([
      world.tickets.settle(about.id, 1, judged),
      world.tickets.settle(about.id, 1, failed("unavailable")),
      world.tickets.giveBack(about.id, 1),
    ]);
    expect(ends.filter(({ kind }) => kind === "stored")).toHaveLength(1);
    const { kind } = (await world.tickets.claim(about.id, "p1", false))?.claimed ?? {};
    expect(kind).toBe("over");
  });

  it("takes nothing from who has lost the claim", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.advance(policy.leaseMs);
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stale" });
    await begin(world, about.id, "p2");
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stale" });
    expect(await world.tickets.giveBack(about.id, 1)).toEqual({ kind: "stale" });
    expect(await world.tickets.load(about.id)).toMatchObject({
      progress: { fence: 2, attempts: 0 },
      state: { status: "processing", claim: { permit: "p2" } },
    });
  });

  it("waits again after a failure worth retrying, and fails when its attempts are spent: while others are served", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    for (let attempt = 1; attempt <= policy.maxAttempts; attempt++) {
      await begin(world, about.id, `p${attempt}`);
      await world.tickets.settle(about.id, attempt, { ...failed("unavailable"), others: served });
      const isLast = attempt === policy.maxAttempts;
      expect(await world.tickets.load(about.id)).toMatchObject({
        progress: { attempts: attempt, failedAttempts: attempt },
        state: { status: isLast ? "failed" : "queued" },
      });
      expect((await world.gate.status()).queue.size).toBe(isLast ? 0 : 1);
      await world.advance(60_000);
    }
    expect((await world.tickets.load(about.id))?.state).toMatchObject({
      failure: { reason: "unavailable", status: 503 },
    });
  });

  it("waits without end while nobody is known to be served", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    for (let call = 1; call <= policy.maxAttempts + 1; call++) {
      await begin(world, about.id, `p${call}`);
      await world.tickets.settle(about.id, call, failed("unavailable"));
      expect(await world.tickets.load(about.id)).toMatchObject({
        progress: { attempts: 0, failedAttempts: call },
        state: { status: "queued" },
      });
      await world.advance(120_000);
    }
  });

  it("is given back as a suspect by a call that threw, and ends at the third where another came to a clean end", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    for (let call = 1; call <= 3; call++) {
      await begin(world, about.id, `p${call}`);
      const spent = { calls: 1, costUsd: null };
      await world.tickets.settle(about.id, call, {
        kind: "failed",
        failure: { reason: "hung_up" },
        threw: true,
        spent,
        others: { ...served, cleanEnd: true },
      });
      expect(await world.tickets.load(about.id)).toMatchObject({
        progress: { attempts: 0, throws: call, suspect: true },
        state: call < 3 ? { status: "queued" } : { status: "failed", failure: { reason: "crashed" } },
      });
      await world.advance(10_000);
    }
  });

  it("fails at once where another call can't help", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.tickets.settle(about.id, 1, failed("truncated"));
    expect((await world.tickets.load(about.id))?.state).toMatchObject({ status: "failed" });
  });

  it("is given back unharmed", async () => {
    const world = await make();
    const { about, progress } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    expect(await world.tickets.giveBack(about.id, 1)).toEqual({ kind: "stored" });
    expect(await world.tickets.load(about.id)).toMatchObject({
      progress: { attempts: 0, failedAttempts: 0, suspect: false, deaths: 0, spent: progress.spent },
      state: { status: "queued", texts },
    });
    expect(await world.gate.estimate(about.id)).toMatchObject({ position: 1 });
    await begin(world, about.id, "p2");
  });

  it("expires at its time with nobody looking, and not before", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await world.advance(policy.ttlMs - 1);
    expect((await world.gate.status()).queue.size).toBe(1);
    await world.advance(1);
    expect((await world.gate.status()).queue.size).toBe(0);
    expect((await world.events(about.id)).at(-1)).toMatchObject({
      number: 2,
      kind: "expired",
      atMs: about.expiresAtMs,
    });
    expect((await world.tickets.load(about.id))?.state).toMatchObject({
      status: "expired",
      endedAtMs: about.expiresAtMs,
    });
    await world.advance(15_000);
    expect(await world.holds("Essay of A")).toBe(false);
  });

  it("lets a claim finish past its time", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await world.advance(policy.ttlMs - 10);
    await begin(world, about.id, "p1");
    await world.advance(1_000);
    expect((await world.tickets.load(about.id))?.state.status).toBe("processing");
    expect(await world.tickets.settle(about.id, 1, judged)).toEqual({ kind: "stored" });
    expect((await world.tickets.load(about.id))?.state.status).toBe("completed");
  });

  it("comes back by itself when its worker died, as a suspect", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.advance(policy.leaseMs - 1);
    expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "started" });
    await world.advance(1);
    expect((await world.events(about.id)).at(-1)).toMatchObject({ kind: "returned", why: "died" });
    expect(await world.gate.estimate(about.id)).toMatchObject({ position: 1 });
    expect(await world.tickets.load(about.id)).toMatchObject({
      progress: { attempts: 0, suspect: true },
      state: { status: "queued", texts },
    });
  });

  it("is forgotten when its retention is over: as if it had never been", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.tickets.settle(about.id, 1, judged);
    await world.advance(policy.retentionMs - 1);
    expect(await world.tickets.load(about.id)).not.toBeNull();
    expect(await world.holds(about.id)).toBe(true);
    await world.advance(1);
    expect(await world.tickets.load(about.id)).toBeNull();
    expect(await world.tickets.claim(about.id, "p2", false)).toBeNull();
    await world.advance(15_000);
    expect(await world.events(about.id)).toEqual([]);
    expect(await world.holds("It argues.")).toBe(false);
  });

  it("does not come to life again for a late worker", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.tickets.settle(about.id, 1, judged);
    const written = await world.events(about.id);
    expect((await world.tickets.claim(about.id, "late", false))?.claimed).toEqual({ kind: "over" });
    expect(await world.tickets.giveBack(about.id, 1)).toEqual({ kind: "stale" });
    expect(await kept(world.tickets, draftOf({ id: about.id }))).toMatchObject({
      state: { status: "completed" },
    });
    expect(await world.events(about.id)).toEqual(written);
    expect((await world.gate.status()).queue.size).toBe(0);
  });

  it("writes down all that happens, numbered without gaps, with one end", async () => {
    const world = await make();
    const { about } = await kept(world.tickets, draftOf());
    await begin(world, about.id, "p1");
    await world.tickets.settle(about.id, 1, failed("timeout"));
    await world.advance(60_000);
    await begin(world, about.id, "p2");
    await world.tickets.giveBack(about.id, 2);
    await begin(world, about.id, "p3");
    await world.tickets.settle(about.id, 3, judged);
    const events = await world.events(about.id);
    expect(events.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(events).toMatchObject([
      { kind: "accepted" },
      { kind: "started", fence: 1, asProbe: false },
      { kind: "returned", why: "attempt_failed", reason: "timeout" },
      { kind: "started", fence: 2 },
      { kind: "returned", why: "given_back", reason: null },
      { kind: "started", fence: 3 },
      { kind: "completed" },
    ]);
    expect(JSON.stringify(events)).not.toContain("Essay of A");
  });

  it("keeps what waits through a restart, and the gate knows of it", async () => {
    const world = await make();
    const waits = await kept(world.tickets, draftOf());
    const ended = await kept(world.tickets, draftOf());
    await begin(world, ended.about.id, "p1");
    await world.tickets.settle(ended.about.id, 1, judged);
    const before = await world.tickets.load(ended.about.id);
    await world.restart();
    expect(visible(await world.tickets.load(waits.about.id))).toEqual(visible(waits));
    expect(visible(await world.tickets.load(ended.about.id))).toEqual(visible(before));
    expect(await world.gate.estimate(waits.about.id)).toMatchObject({ position: 1 });
    expect((await world.gate.status()).queue).toMatchObject({ size: 1, bytes: queueItemOf(waits).sizeBytes });
    await world.advance(policy.ttlMs);
    expect((await world.events(waits.about.id)).at(-1)).toMatchObject({ kind: "expired" });
  });
}

/** @throws {Error} the queue is full */
export async function kept(tickets: Pick<Tickets, "create">, draft: Draft): Promise<Ticket> {
  const created = await tickets.create(draft);
  if (created.kind === "full") throw new Error("The queue is full");
  return created.ticket;
}

/** As a worker begins: the gate gives the turn, the ticket the claim. */
async function begin({ tickets, gate }: TicketsUnderTest, id: string, permit: string): Promise<void> {
  const ticket = await tickets.load(id);
  if (ticket?.state.status !== "queued") throw new Error(`${id} does not wait`);
  const { notBeforeMs } = ticket.state;
  const { suspect } = ticket.progress;
  const start = await gate.start(queueItemOf(ticket), { permit, notBeforeMs, suspect });
  if (start.kind !== "call") throw new Error(`${id} may not start: ${JSON.stringify(start)}`);
  const claim = await tickets.claim(id, permit, start.asProbe);
  expect(claim?.claimed).toMatchObject({ kind: "claimed" });
}

/** What the gate has been told is the store's own affair. */
function visible(ticket: Ticket | null): unknown {
  if (ticket === null) return null;
  return { ...ticket, progress: { ...ticket.progress, gateHeard: null } };
}

const texts = {
  systemPrompt: "Prompt of the system",
  userPrompt: "Prompt of the user",
  essayA: "Essay of A",
  essayB: "Essay of B",
};

/** A draft of a ticket of the provider `mock`. */
export function draftOf(changes: Partial<Omit<Draft, "about">> & { readonly id?: string } = {}): Draft {
  const { id = crypto.randomUUID(), ...rest } = changes;
  return {
    about: {
      id,
      tenant: "tenant-one",
      provider: "mock",
      model: "mock-judge",
      parameters: { temperature: 0.5, maxTokens: 4096, reasoningEffort: null },
      plan: { temperature: 0.5, reasoningEffort: null, structure: "schema", dropped: [] },
      promptSha256: "0f".repeat(32),
      priority: 3,
      sizeBytes: 120,
      correlationId: crypto.randomUUID(),
      traceId: "0af7651916cd43dd8448eb211c80319c",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      userId: "user-one",
      metadata: { batch: "“Grüße”", nested: { list: [1, null] } },
    },
    texts,
    spent: { calls: 2, costUsd: 0.02 },
    lastFailure: { reason: "timeout" },
    delayMs: 0,
    ...rest,
  };
}

export const judged: AttemptOutcome = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "It argues.", confidence: 4.2, normalizations: [] },
    model: "mock-judge-1",
    usage: null,
    durationMs: 800,
  },
  spent: { calls: 1, costUsd: 0.01 },
};

const served: Others = {
  served: true,
  mostlyFaults: false,
  held: false,
  judged: "since",
  cleanEnd: false,
};

function failed(
  reason: "unavailable" | "timeout" | "truncated",
): Extract<AttemptOutcome, { kind: "failed" }> {
  const failure =
    reason === "unavailable" ? ({ reason, status: 503, retryAfterMs: null } as const) : { reason };
  return { kind: "failed", failure, spent: { calls: 1, costUsd: null } };
}
