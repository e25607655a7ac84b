/** What tickets' objects write to Upstash, behind their verbs. */
import { beforeAll, describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../src/domain/ticket/moves.ts";
import type { UpstashFault } from "../support/redis/upstash-faults.ts";
import { alarmOf, env, evictAll, settled, ticketsOf } from "./objects.ts";
import { hasUpstash, until, upstashWorlds } from "./upstash-world.ts";

const judged = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "It argues.", confidence: 4.2, normalizations: [] },
    model: "mock-judge-1",
    usage: null,
    durationMs: 800,
  },
  spent: { calls: 1, costUsd: 0.01 },
} satisfies AttemptOutcome;

describe.skipIf(!hasUpstash)("a ticket's copy in Upstash", () => {
  let freshUpstash: Awaited<ReturnType<typeof upstashWorlds>>;
  beforeAll(async () => {
    freshUpstash = await upstashWorlds();
  });
  const tickets = ticketsOf();

  it("follows it from acceptance to its end, and never holds a text of the comparison", async () => {
    const s = await freshUpstash();
    const id = await s.ticket();
    const shows = (status: string) => async () => (await s.copy(id))?.state.status === status;
    await until(shows("queued"));
    expect(await s.holdsTexts()).toBe(false);
    await tickets.claim(id, "permit", false);
    await until(shows("processing"));
    expect(await s.holdsTexts()).toBe(false);
    await tickets.settle(id, 1, judged);
    await until(shows("completed"));
    expect(await s.copy(id)).toMatchObject({
      version: 1,
      progress: { events: 3 },
      state: { result: judged.result },
    });
    expect(await s.holdsTexts()).toBe(false);
    // Each move once, by one command.
    expect(await s.upstash.asked()).toEqual(["EVAL", "EVAL", "EVAL"]);
  });

  it("is written when its time is over too, and asked for nothing by looking at it", async () => {
    const s = await freshUpstash();
    const id = await s.ticket();
    await until(async () => (await s.copy(id)) !== null);
    await s.upstash.asked();
    for (let look = 0; look < 3; look++) await tickets.load(id);
    await evictAll();
    await tickets.load(id);
    await settled();
    expect(await s.upstash.asked()).toEqual([]);
    await s.advance(720_000);
    await until(async () => (await s.copy(id))?.state.status === "expired");
  });

  const faults: readonly UpstashFault[] = [
    { kind: "hang" },
    { kind: "slow", delayMs: 400 },
    { kind: "html" },
    { kind: "rateLimited" },
    { kind: "unauthorized" },
    { kind: "dropBefore" },
    { kind: "dropAfter" },
  ];
  it.each(faults)("is missed by nobody while Upstash does this: $kind", async (fault) => {
    const s = await freshUpstash();
    await s.upstash.fail(fault);
    const id = await s.ticket();
    expect((await tickets.claim(id, "permit", false))?.claimed).toMatchObject({ kind: "claimed" });
    expect(await tickets.settle(id, 1, judged)).toEqual({ kind: "stored" });
    expect((await s.worker.ask(`/api/v1/results/${id}`)).status).toBe(200);
    await until(async () => (await alarmOf(stubOf(id))) === s.nowMs() + 30_000);
    await s.upstash.heal();
    await s.advance(30_000);
    await until(async () => (await s.copy(id))?.state.status === "completed");
    expect(await s.holdsTexts()).toBe(false);
  });

  it("holds up no verb, however long Upstash keeps silent", async () => {
    const s = await freshUpstash();
    const patience = new AbortController();
    s.budgets.mockReturnValueOnce(patience.signal);
    await s.upstash.fail({ kind: "hang" });
    const id = await s.ticket();
    await tickets.claim(id, "permit", false);
    await tickets.settle(id, 1, judged);
    expect((await s.worker.ask(`/api/v1/results/${id}`)).status).toBe(200);
    // All this while the first of its commands was not answered, and nobody gave it up.
    expect(await s.upstash.asked()).toEqual(["EVAL"]);
    expect(s.budgets.mock.calls).toEqual([[300]]);
    patience.abort();
    await until(async () => (await alarmOf(stubOf(id))) === s.nowMs() + 30_000);
  });

  it("comes again after a failure also where its object has lost its memory, whoever looks at it meanwhile", async () => {
    const s = await freshUpstash();
    await s.upstash.fail({ kind: "html" }, { times: 1 });
    const id = await s.ticket();
    await until(async () => (await alarmOf(stubOf(id))) === s.nowMs() + 30_000);
    await evictAll();
    await tickets.load(id);
    expect(await s.copy(id)).toBeNull();
    await s.advance(30_000);
    await until(async () => (await s.copy(id)) !== null);
  });

  it("comes again after longer and longer while Upstash is down, and is asked for by nothing else", async () => {
    const s = await freshUpstash();
    await s.upstash.fail({ kind: "html" });
    const id = await s.ticket();
    const startMs = s.nowMs();
    for (const afterMs of [30_000, 60_000, 120_000, 240_000]) {
      await until(async () => (await alarmOf(stubOf(id))) === startMs + afterMs);
      await s.advance(startMs + afterMs - s.nowMs());
    }
    expect((await s.upstash.asked()).length).toBe(5);
  });

  it("is not tried for 5 s after three failures in a row, of which the log tells once", async () => {
    const s = await freshUpstash();
    await s.upstash.fail({ kind: "html" });
    const ids: string[] = [];
    for (let number = 0; number < 6; number++) {
      const id = await s.ticket();
      ids.push(id);
      await until(async () => (await alarmOf(stubOf(id))) === s.nowMs() + 30_000);
    }
    expect(await s.upstash.asked()).toHaveLength(3);
    const told = s.log().filter(({ event }) => event === "upstash_away");
    expect(told).toMatchObject([{ level: "warn", error_name: "UpstashError" }]);
    expect(JSON.stringify(s.log())).not.toContain("canary");
    await s.upstash.heal();
    s.tick(5_000);
    await s.ticket();
    await until(async () => (await s.upstash.asked()).length > 0);
    await s.advance(30_000);
    for (const id of ids) await until(async () => (await s.copy(id)) !== null);
  });
});

function stubOf(id: string): DurableObjectStub {
  return env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id));
}
