/** Tickets in Redis beyond what every store promises: taken and claimed in one, and taken over from elsewhere. */
import { afterAll, describe, expect, it } from "vitest";
import { acceptTicket, claim, settle, type AttemptOutcome } from "../../../src/domain/ticket/moves.ts";
import type { Moved } from "../../../src/domain/ticket/steps.ts";
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { wakeChannel, type Redis } from "../../../src/stores/redis/redis.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { limits, policy } from "../../support/sqlite-store.ts";
import { redisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer } from "../../support/redis/server.ts";
import { redisStoresForTest } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("tickets in Redis");
const server = isMissing ? null : await redisServer({ appendonly: false });
afterAll(() => server?.close());

async function make() {
  if (server === null) throw new Error("no redis-server");
  return await redisStoresForTest(server);
}
type World = Awaited<ReturnType<typeof make>>;

const prefix = "llm-provider-service:";
const keyOf = (id: string) => `${prefix}queue:requests:${id}`;

/** Every character class that something on the way might take amiss. */
const odd = "\u0000\u0001 “Grüße” \u{1f600} \ud800 \udfff \u2028 '\"\\ {essay_b} %s [[ ]] \r\n";
/** A double that needs all its 17 digits. */
const exactUsd = 0.1 + 0.2 + 1e-13;

const judged: AttemptOutcome = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay B", justification: odd, confidence: 3.3, normalizations: [] },
    model: odd,
    usage: null,
    durationMs: 800,
  },
  spent: { calls: 1, costUsd: 0 },
};

async function createSome(world: World, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    ids.push((await kept(world.tickets, draftOf())).about.id);
    await world.clock.advance(1);
  }
  return ids;
}

const idsOf = (fetched: Awaited<ReturnType<World["tickets"]["fetch"]>>) =>
  fetched.map(({ ticket }) => ticket.about.id);

describe.skipIf(isMissing)("tickets taken from Redis", () => {
  it("are not taken again while they are called for, whoever reads them after Redis' clock was set back", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    const [fetched] = await world.tickets.fetch("mock", 1);
    world.clock.setWall(-3_600_000);
    // The gate hears of it at once, the ticket when it is read: so its claim is over later than its place lapses.
    await world.gate.status();
    await world.clock.advance(policy.leaseMs - 1_000);
    await world.tickets.load(id);
    await world.clock.advance(2_000);
    expect(await world.tickets.fetch("mock", 1)).toEqual([]);
    expect((await world.tickets.load(id))?.progress.fence).toBe(fetched?.fence);
    expect((await world.events(id)).map(({ kind }) => kind)).toEqual(["accepted", "started"]);
  });

  it("come several at once in their turn, claimed, with their texts, and no more than asked for", async () => {
    const world = await make();
    const ids = await createSome(world, 3);
    const urgent = draftOf();
    await kept(world.tickets, { ...urgent, about: { ...urgent.about, priority: 9 } });
    const fetched = await world.tickets.fetch("mock", 3);
    expect(idsOf(fetched)).toEqual([urgent.about.id, ids[0], ids[1]]);
    for (const { ticket, permit, fence, leaseLeftMs, epoch } of fetched) {
      expect({ fence, epoch, leaseLeftMs }).toEqual({
        fence: 1,
        epoch: 0,
        leaseLeftMs: policy.leaseMs,
      });
      expect(ticket.state).toMatchObject({
        status: "processing",
        texts: urgent.texts,
        claim: { permit, leaseEndsAtMs: world.nowMs() + policy.leaseMs, asProbe: false },
      });
      expect(await world.tickets.load(ticket.about.id)).toEqual(ticket);
    }
    expect(new Set(fetched.map(({ permit }) => permit)).size).toBe(3);
    expect(idsOf(await world.tickets.fetch("mock", 3))).toEqual([ids[2]]);
    expect(await world.tickets.fetch("mock", 3)).toEqual([]);
  });

  it("are never more in flight than there are permits, whoever fetches", async () => {
    const world = await make();
    await createSome(world, limits.concurrency + 3);
    const one = world.tickets;
    await world.restart();
    const fetched = await Promise.all([one.fetch("mock", 6), world.tickets.fetch("mock", 6)]);
    expect(fetched.flatMap(idsOf)).toHaveLength(limits.concurrency);
    expect(new Set(fetched.flatMap(idsOf)).size).toBe(limits.concurrency);
    expect(await one.fetch("mock", 1)).toEqual([]);
  });

  it("are left to the other processes that listen, but for a share that counts what the fetcher has in flight", async () => {
    const world = await make();
    await createSome(world, limits.concurrency);
    const listeners = [1, 2, 3].map(() => redisClient(server?.url ?? ""));
    await Promise.all(listeners.map((one) => one.command("SUBSCRIBE", wakeChannel)));
    const share = Math.ceil(limits.concurrency / listeners.length);
    expect(await world.tickets.fetch("mock", limits.concurrency, share - 1)).toHaveLength(1);
    // One at least: the others may be as busy.
    expect(await world.tickets.fetch("mock", limits.concurrency, limits.concurrency - 1)).toHaveLength(1);
    expect(await world.tickets.fetch("mock", limits.concurrency)).toHaveLength(share);
    await Promise.all(listeners.map((one) => one.command("UNSUBSCRIBE", wakeChannel)));
    for (const one of listeners) one.close();
    expect(await world.tickets.fetch("mock", limits.concurrency)).toHaveLength(
      limits.concurrency - share - 2,
    );
  });

  it("fail alone where their record is broken, whatever comes in the same moment", async () => {
    const world = await make();
    const [broken = "", whole = ""] = await createSome(world, 2);
    const fetched = await world.tickets.fetch("mock", 2);
    await world.looker.command("HSET", keyOf(broken), "facts", "no JSON");
    const before = await commandsDone(world);
    const fence = fetched.find(({ ticket }) => ticket.about.id === whole)?.fence ?? 0;
    const [first, second] = await Promise.allSettled([
      world.tickets.withdraw(broken, "mock"),
      world.tickets.settle(whole, fence, judged),
    ]);
    expect((await commandsDone(world)) - before).toBe(1);
    expect(first).toMatchObject({ status: "rejected", reason: expect.any(StoreAway) as StoreAway });
    expect(second).toEqual({ status: "fulfilled", value: { kind: "stored" } });
    expect((await world.tickets.load(whole))?.state.status).toBe("completed");
  });

  it("of two who take at once, each goes to one", async () => {
    const world = await make();
    const ids = await createSome(world, 4);
    const one = world.tickets;
    await world.restart();
    const fetched = await Promise.all([one.fetch("mock", 3), world.tickets.fetch("mock", 3)]);
    expect(fetched.flatMap(idsOf).toSorted()).toEqual([...ids].toSorted());
  });

  it("are settled in one round trip by who took them", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    const [fetched] = await world.tickets.fetch("mock", 1);
    const before = await commandsDone(world);
    expect(await world.tickets.settle(id, fetched?.fence ?? 0, judged)).toEqual({ kind: "stored" });
    expect((await commandsDone(world)) - before).toBe(1);
    expect((await world.tickets.load(id))?.state).toMatchObject({ status: "completed" });
    expect((await world.gate.status()).queue.size).toBe(0);
  });

  it("have a history without gaps, what the script wrote of it included", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    const [first] = await world.tickets.fetch("mock", 1);
    await world.tickets.giveBack(id, first?.fence ?? 0);
    const [second] = await world.tickets.fetch("mock", 1);
    const takenAtMs = world.nowMs();
    await world.advance(700);
    await world.tickets.settle(id, second?.fence ?? 0, judged);
    const events = await world.events(id);
    expect(events.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(events[3]).toEqual({ number: 4, atMs: takenAtMs, kind: "started", fence: 2, asProbe: false });
    expect(events.map(({ kind }) => kind)).toEqual([
      "accepted",
      "started",
      "returned",
      "started",
      "completed",
    ]);
    expect((await world.tickets.load(id))?.progress.events).toBe(5);
  });

  it("come again to who did not hear that it has them", async () => {
    const world = await make();
    const ids = await createSome(world, 3);
    const unheard = deafTo(world);
    await expect(unheard.tickets.fetch("mock", 2)).rejects.toThrow(StoreAway);
    const fetched = await unheard.tickets.fetch("mock", 1);
    // Those that it has already, though it wanted one.
    expect(idsOf(fetched).toSorted()).toEqual(ids.slice(0, 2).toSorted());
    expect(fetched.map(({ fence }) => fence)).toEqual([1, 1]);
    expect((await world.events(ids[0] ?? "")).map(({ kind }) => kind)).toEqual(["accepted", "started"]);
    expect(idsOf(await unheard.tickets.fetch("mock", 1))).toEqual([ids[2]]);
    for (const { ticket, fence } of fetched) {
      expect(await unheard.tickets.settle(ticket.about.id, fence, judged)).toEqual({ kind: "stored" });
    }
  });

  it("come no more than were claimed when answers were lost twice", async () => {
    const world = await make();
    const ids = await createSome(world, 6);
    const unheard = deafTo(world, 2);
    await expect(unheard.tickets.fetch("mock", 2)).rejects.toThrow(StoreAway);
    await expect(unheard.tickets.fetch("mock", 2)).rejects.toThrow(StoreAway);
    const { ticket, events } = failedOnce(world, accepted(world));
    await world.tickets.adopt({ ...ticket, progress: { ...ticket.progress, suspect: true } }, events);
    await world.clock.advance(60_000);
    const fetched = await unheard.tickets.fetch("mock", 1);
    expect(idsOf(fetched).toSorted()).toEqual(ids.slice(0, 2).toSorted());
    expect(idsOf(await unheard.tickets.fetch("mock", 6))).toEqual([ticket.about.id, ...ids.slice(2)]);
  });

  it("that are gone meanwhile keep nobody from those that are there", async () => {
    const world = await make();
    const ids = await createSome(world, 3);
    const unheard = deafTo(world);
    await expect(unheard.tickets.fetch("mock", 2)).rejects.toThrow(StoreAway);
    await world.looker.command("DEL", keyOf(ids[0] ?? ""));
    expect(idsOf(await unheard.tickets.fetch("mock", 3)).toSorted()).toEqual(ids.slice(1).toSorted());
    expect((await world.gate.status()).queue.size).toBe(2);
  });

  it("are brought to their end when their time is over, instead of being called for", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    await world.clock.advance(policy.ttlMs);
    expect(await world.tickets.fetch("mock", 4)).toEqual([]);
    expect((await world.events(id)).at(-1)).toMatchObject({ kind: "expired" });
    expect((await world.gate.status()).queue.size).toBe(0);
    expect(await world.tickets.fetch("mock", 4)).toEqual([]);
  });

  it("wait again, as suspects, when their worker's lease is over", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    await world.tickets.fetch("mock", 1);
    await world.clock.advance(policy.leaseMs);
    expect(await world.tickets.fetch("mock", 1)).toEqual([]);
    expect((await world.events(id)).at(-1)).toMatchObject({ kind: "returned", why: "died" });
    const [again] = await world.tickets.fetch("mock", 1);
    expect(again).toMatchObject({ fence: 2, ticket: { about: { id }, progress: { suspect: true } } });
    expect(await world.tickets.settle(id, 1, judged)).toEqual({ kind: "stale" });
  });

  it("leave nothing that keeps takers busy when somebody deletes them by hand", async () => {
    const world = await make();
    const ids = await createSome(world, 3);
    await world.tickets.fetch("mock", 1);
    for (const id of ids) await world.looker.command("DEL", keyOf(id));
    expect(await world.tickets.fetch("mock", 8)).toEqual([]);
    await world.clock.advance(policy.leaseMs);
    expect(await world.tickets.fetch("mock", 8)).toEqual([]);
    expect((await world.gate.status()).queue).toMatchObject({ size: 0, bytes: 0 });
    await world.clock.advance(policy.ttlMs);
    await world.stores.tickets.elapseDue();
    expect(await world.tickets.fetch("mock", 8)).toEqual([]);
    expect(await world.looker.command("ZCARD", `${prefix}queue:due`)).toBe(0);
  });

  it("are left alone where newer code wrote them, also when their time is over", async () => {
    const world = await make();
    const [newer = "", known = ""] = await createSome(world, 2);
    await becomeNewer(world, newer);
    expect(idsOf(await world.tickets.fetch("mock", 2))).toEqual([known]);
    const before = await world.looker.command("HGETALL", keyOf(newer));
    await world.clock.advance(policy.ttlMs);
    // Another of its kind comes along, and must not be lost for it.
    const [late = ""] = await createSome(world, 1);
    expect(idsOf(await world.tickets.fetch("mock", 4))).toEqual([late]);
    expect(await world.looker.command("HGETALL", keyOf(newer))).toEqual(before);
    await expect(world.tickets.load(newer)).rejects.toThrow("newer code wrote");
  });

  it("are not lost with what else could not be done in the same breath", async () => {
    const world = await make();
    const [expired = ""] = await createSome(world, 1);
    await world.clock.advance(policy.ttlMs);
    const [id = ""] = await createSome(world, 1);
    const failing = world.reopened({
      ...world.redis,
      command: () => Promise.reject(new StoreAway("away")),
    });
    expect(idsOf(await failing.tickets.fetch("mock", 2))).toEqual([id]);
    expect(expired).not.toBe(id);
  });
});

describe.skipIf(isMissing)("a ticket taken over by Redis", () => {
  it("waits here as it waited there, whatever the watermark, with its history", async () => {
    const world = await make();
    const { ticket, events } = accepted(world);
    const huge = draftOf();
    const whole = draftOf({ delayMs: 9e12 });
    await kept(world.tickets, {
      ...whole,
      about: { ...whole.about, priority: 0, sizeBytes: limits.maxBytes },
    });
    expect(await world.tickets.create(huge)).toEqual({ kind: "full" });
    // Its old gate had heard of it.
    const moved = { ...ticket, progress: { ...ticket.progress, gateHeard: ticket.progress.events } };
    await world.tickets.adopt(moved, events);
    expect(await world.tickets.load(ticket.about.id)).toEqual(moved);
    expect(await world.events(ticket.about.id)).toEqual(events);
    expect(await world.gate.estimate(ticket.about.id)).toMatchObject({ position: 1 });
    expect(idsOf(await world.tickets.fetch("mock", 8))).toEqual([ticket.about.id]);
  });

  it("waits out its backoff", async () => {
    const world = await make();
    const { ticket, events } = failedOnce(world, accepted(world));
    if (ticket.state.status !== "queued") throw new Error("it does not wait");
    const waitMs = ticket.state.notBeforeMs - world.nowMs();
    expect(waitMs).toBeGreaterThan(0);
    await world.tickets.adopt(ticket, events);
    await world.clock.advance(waitMs - 1);
    expect(await world.tickets.fetch("mock", 1)).toEqual([]);
    await world.clock.advance(1);
    const [fetched] = await world.tickets.fetch("mock", 1);
    expect(fetched).toMatchObject({ fence: 2, ticket: { progress: { attempts: 0, failedAttempts: 1 } } });
  });

  it("is still a suspect", async () => {
    const world = await make();
    const { ticket, events } = failedOnce(world, accepted(world));
    const suspect: Ticket = { ...ticket, progress: { ...ticket.progress, suspect: true } };
    const [other = ""] = await createSome(world, 1);
    await world.tickets.adopt(suspect, events);
    await world.clock.advance(60_000);
    // It goes first.
    expect(idsOf(await world.tickets.fetch("mock", 2))).toEqual([ticket.about.id, other]);
    const settled = await world.tickets.settle(ticket.about.id, 2, judged);
    expect(settled).toEqual({ kind: "stored" });
  });

  it("that has ended is read here for as long as there, and takes no place", async () => {
    const world = await make();
    const begun = claimed(world, accepted(world));
    const moved = settle(begun.ticket, 1, judged, world.nowMs(), policy, 0.5);
    const events = [...begun.events, ...moved.events];
    await world.tickets.adopt(moved.ticket, events);
    expect(await world.tickets.load(moved.ticket.about.id)).toEqual(moved.ticket);
    expect(await world.events(moved.ticket.about.id)).toEqual(events);
    expect((await world.gate.status()).queue.size).toBe(0);
    const keptMs = Number(await world.looker.command("PTTL", keyOf(moved.ticket.about.id)));
    expect(keptMs).toBeGreaterThan(policy.retentionMs - 60_000);
    expect(keptMs).toBeLessThanOrEqual(policy.retentionMs);
  });

  it("is taken over once, and never over one that is here", async () => {
    const world = await make();
    const { ticket, events } = accepted(world);
    await world.tickets.adopt(ticket, events);
    const [fetched] = await world.tickets.fetch("mock", 1);
    await world.tickets.adopt(ticket, events);
    await world.tickets.adopt({ ...ticket, about: { ...ticket.about, tenant: "another" } }, events);
    const stored = await world.tickets.load(ticket.about.id);
    expect(stored).toEqual(fetched?.ticket);
    expect(stored?.about.tenant).toBe(ticket.about.tenant);
    expect((await world.events(ticket.about.id)).map(({ number }) => number)).toEqual([1, 2]);
    expect((await world.gate.status()).queue.size).toBe(1);
  });
});

describe.skipIf(isMissing)("an outcome told late", () => {
  it("counts where the claim was alive then and nobody has touched the ticket since", async () => {
    const world = await make();
    const [id = ""] = await createSome(world, 1);
    await world.tickets.fetch("mock", 1);
    const judgedAtMs = world.nowMs() + 800;
    await world.clock.advance(policy.leaseMs + 60_000);
    expect(await world.tickets.settleAsOf(id, 1, judged, judgedAtMs)).toEqual({ kind: "stored" });
    expect((await world.tickets.load(id))?.state).toMatchObject({
      status: "completed",
      endedAtMs: judgedAtMs,
      forgetAtMs: judgedAtMs + policy.retentionMs,
    });
    expect((await world.gate.status()).queue.size).toBe(0);
    expect(await world.tickets.fetch("mock", 1)).toEqual([]);
  });

  it("counts no more once somebody has touched it, or where the claim was over then", async () => {
    const world = await make();
    const [id = "", other = ""] = await createSome(world, 2);
    await world.tickets.fetch("mock", 2);
    const leaseEndsAtMs = world.nowMs() + policy.leaseMs;
    await world.clock.advance(policy.leaseMs + 1);
    await world.tickets.load(id);
    expect(await world.tickets.settleAsOf(id, 1, judged, leaseEndsAtMs - 1)).toEqual({ kind: "stale" });
    expect(await world.tickets.settleAsOf(other, 1, judged, leaseEndsAtMs)).toEqual({ kind: "stale" });
    for (const each of [id, other])
      expect((await world.tickets.load(each))?.state).toMatchObject({ status: "queued" });
  });
});

describe.skipIf(isMissing)("a ticket withdrawn", () => {
  it("is gone with its place, and one that arrives after that stays out", async () => {
    const world = await make();
    const draft = draftOf();
    await kept(world.tickets, draft);
    expect(await world.tickets.withdraw(draft.about.id, "mock")).toBe(true);
    expect(await world.tickets.load(draft.about.id)).toBeNull();
    expect(await world.events(draft.about.id)).toEqual([]);
    expect((await world.gate.status()).queue.size).toBe(0);
    await expect(kept(world.tickets, draft)).rejects.toThrow(StoreAway);
    expect(await world.tickets.load(draft.about.id)).toBeNull();
    expect(await world.tickets.withdraw(draft.about.id, "mock")).toBe(true);
    expect(await world.tickets.fetch("mock", 1)).toEqual([]);
    expect(await world.holds("Essay of A")).toBe(false);
    const everything = Object.keys(await world.everything()).filter((key) => key.includes(draft.about.id));
    expect(everything).toEqual([keyOf(draft.about.id)]);
    expect(Number(await world.looker.command("PTTL", keyOf(draft.about.id)))).toBeGreaterThan(0);
  });

  it("before it arrived stays out as well", async () => {
    const world = await make();
    const draft = draftOf();
    expect(await world.tickets.withdraw(draft.about.id, "mock")).toBe(true);
    await expect(kept(world.tickets, draft)).rejects.toThrow(StoreAway);
    expect((await world.gate.status()).queue.size).toBe(0);
    // Whoever would move one here must keep it.
    const { ticket, events } = accepted(world);
    const moved = { ...ticket, about: { ...ticket.about, id: draft.about.id } };
    await expect(world.tickets.adopt(moved, events)).rejects.toMatchObject({ why: "refused" });
  });

  it("stays, once it was worked on", async () => {
    const world = await make();
    const [id = "", ended = ""] = await createSome(world, 2);
    await world.tickets.fetch("mock", 2);
    await world.tickets.giveBack(id, 1);
    await world.tickets.settle(ended, 1, judged);
    for (const each of [id, ended]) {
      expect(await world.tickets.withdraw(each, "mock")).toBe(false);
      expect(await world.tickets.load(each)).not.toBeNull();
    }
    expect(idsOf(await world.tickets.fetch("mock", 2))).toEqual([id]);
  });
});

describe.skipIf(isMissing)("what Redis holds of a ticket", () => {
  it("is every character and every digit, until it ends: then nothing of its texts", async () => {
    const world = await make();
    const secret = `secret ${odd}`;
    const draft = draftOf({
      texts: { systemPrompt: secret, userPrompt: secret, essayA: secret, essayB: secret },
      spent: { calls: 3, costUsd: exactUsd },
      lastFailure: { reason: "request_refused", status: 400, vendorSays: odd },
    });
    const about = { ...draft.about, model: odd, metadata: { [odd]: odd, empty: {}, list: [], none: null } };
    const created = await kept(world.tickets, { ...draft, about });
    expect(await world.tickets.load(about.id)).toEqual(created);
    const [fetched] = await world.tickets.fetch("mock", 1);
    expect(fetched?.ticket).toMatchObject({ about, state: { texts: draft.texts } });
    await world.tickets.settle(about.id, 1, judged);
    const ended = await world.tickets.load(about.id);
    expect(ended?.about).toEqual(created.about);
    expect(ended?.progress.spent).toEqual({ calls: 4, costUsd: exactUsd });
    expect(ended?.state).toMatchObject({ result: judged.kind === "judged" && judged.result });
    expect(await world.holds("secret")).toBe(false);
  });

  it("lies where it is documented, and nothing that ends stays for ever", async () => {
    const world = await make();
    const [waits = "", ended = ""] = await createSome(world, 2);
    await world.tickets.fetch("mock", 2);
    await world.tickets.giveBack(waits, 1);
    await world.tickets.settle(ended, 1, judged);
    await world.keys.begin("0a".repeat(32), "hash", waits, 60_000);
    const ttl: Record<string, boolean> = {};
    for (const key of Object.keys(await world.everything())) {
      const name = key.replace(waits, "<waits>").replace(ended, "<ended>").replace("0a".repeat(32), "<name>");
      ttl[name] = Number(await world.looker.command("PTTL", key)) > 0;
    }
    expect(ttl).toEqual({
      [`${prefix}queue:requests:<waits>`]: false,
      [`${prefix}queue:events:<waits>`]: false,
      [`${prefix}queue:tenant:tenant-one`]: true,
      [`${prefix}queue:tenants`]: true,
      [`${prefix}queue:feed:tenant-one`]: true,
      [`${prefix}queue:feeds`]: false,
      [`${prefix}queue:requests:<ended>`]: true,
      [`${prefix}queue:events:<ended>`]: true,
      [`${prefix}queue:due`]: false,
      [`${prefix}keys:<name>`]: true,
      [`${prefix}gate:mock:core`]: false,
      [`${prefix}gate:mock:places`]: false,
      [`${prefix}gate:mock:sums`]: false,
      [`${prefix}gate:mock:lines`]: false,
      [`${prefix}gate:mock:lines:order`]: false,
      [`${prefix}gate:mock:models`]: false,
      [`${prefix}gate:mock:waits:"mock-judge"`]: false,
      [`${prefix}gate:mock:turns:"mock-judge"`]: false,
      [`${prefix}gate:mock:ages`]: false,
      [`${prefix}gate:mock:wake`]: false,
      [`${prefix}room`]: false,
    });
  });
});

function accepted(world: World): Moved<unknown> {
  const { about, texts, spent, lastFailure } = draftOf();
  return acceptTicket(about, texts, spent, lastFailure, 0, world.nowMs(), policy);
}

function claimed(world: World, { ticket, events }: Moved<unknown>): Moved<unknown> {
  return then({ ticket, events }, claim(ticket, "elsewhere", false, world.nowMs(), policy));
}

function failedOnce(world: World, before: Moved<unknown>): Moved<unknown> {
  const begun = claimed(world, before);
  const failure = { reason: "unavailable", status: 503, retryAfterMs: 5_000 } as const;
  const outcome = { kind: "failed", failure, spent: { calls: 1, costUsd: null } } as const;
  return then(begun, settle(begun.ticket, 1, outcome, world.nowMs(), policy, 0.5));
}

function then(
  before: { readonly ticket: Ticket; readonly events: readonly TicketEvent[] },
  after: Moved<unknown>,
): Moved<unknown> {
  return { ...after, events: [...before.events, ...after.events] };
}

/** Another process, to which the answers to its first calls of the script don't come through. */
function deafTo(world: World, answers = 1) {
  let lost = 0;
  const redis: Redis = {
    ...world.redis,
    async run(...call) {
      const reply = await world.redis.run(...call);
      if (lost++ < answers) throw new StoreAway("no answer");
      return reply;
    },
  };
  return world.reopened(redis);
}

async function commandsDone({ looker }: World): Promise<number> {
  const info = String(await looker.command("INFO", "commandstats"));
  const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0);
  return calls("evalsha") + calls("eval") + calls("hmget");
}

async function becomeNewer({ looker }: World, id: string): Promise<void> {
  for (const field of ["record", "facts"]) {
    const value = JSON.parse(String(await looker.command("HGET", keyOf(id), field))) as object;
    await looker.command("HSET", keyOf(id), field, JSON.stringify({ ...value, version: 4 }));
  }
}
