/** Three processes over one Redis, by real time. */
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import { wakeChannel } from "../../../src/stores/redis/redis.ts";
import { config } from "../../support/sqlite-store.ts";
import { redisClient } from "../../support/redis/client.ts";
import { instance, type InstanceOptions } from "../../support/redis/instances.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisProxy } from "../../support/redis/proxy.ts";
import { redisServer } from "../../support/redis/server.ts";

const isMissing = !hasRedis("several processes over one Redis");
const server = isMissing ? null : await redisServer({ appendfsync: "no" });
afterAll(() => server?.close());

const url = server?.url ?? "";
const settings = { llm: config.llm, breaker: config.breaker, queue: config.queue };
const patience = { timeout: 60_000, interval: 10 };
/** Processes and Redis go by real time here: a call lasts for so long that others come meanwhile. */
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function three(given: Partial<InstanceOptions> & Pick<InstanceOptions, "judge">) {
  await server?.flush();
  const make = (name: string) => instance({ name, url, settings, ...given });
  const all = await Promise.all([make("one"), make("two"), make("three")]);
  // Who does not listen yet counts for nobody's share.
  await vi.waitFor(async () => expect(await listeners()).toBe(all.length), patience);
  return all;
}

async function listeners(): Promise<number> {
  const client = redisClient(url);
  const [, number] = (await client.command("PUBSUB", "NUMSUB", wakeChannel)) as readonly [string, number];
  client.close();
  return number;
}

describe.skipIf(isMissing)("three processes over one Redis", { timeout: 150_000 }, () => {
  it("accept at one, judge at another, and answer for it at the third", async () => {
    const [one, two, three_] = await three({ judge: () => Promise.resolve(null) });
    two.store.start(two.gateway.run);
    const id = await one.queue();
    await vi.waitFor(async () => expect(await three_.judgedBy(id)).toBe("two"), patience);
  });

  it("share the work, and never have more in flight together than is allowed", async () => {
    const concurrency = 30;
    let inFlight = 0;
    let most = 0;
    const begun = new Set<string>();
    const allHaveBegun = Promise.withResolvers<void>();
    const all = await three({
      settings: { ...settings, queue: { ...settings.queue, concurrency } },
      // Whoever keeps it all for himself waits here for the others.
      async judge(name) {
        most = Math.max(most, ++inFlight);
        if (begun.add(name).size === 3) allHaveBegun.resolve();
        await allHaveBegun.promise;
        inFlight--;
        return null;
      },
    });
    for (const { store, gateway } of all) store.start(gateway.run);
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, index) => all[index % 3 === 0 ? 0 : 1].queue()),
    );
    const judges = new Map<string, number>();
    await vi.waitFor(async () => {
      const by = await Promise.all(ids.map((id) => all[2].judgedBy(id)));
      expect(by).not.toContain(null);
      judges.clear();
      for (const name of by) judges.set(name ?? "", (judges.get(name ?? "") ?? 0) + 1);
    }, patience);
    expect(most).toBeLessThanOrEqual(concurrency);
    expect(most).toBeGreaterThan(1);
    expect([...judges.keys()].toSorted()).toEqual(["one", "three", "two"]);
    for (const { faults } of all) expect(faults).toEqual([]);
  });

  it("finish what one of them had begun when it died", async () => {
    await server?.flush();
    const proxy = await redisProxy(url);
    onTestFinished(() => proxy.close());
    // Its lease is this and the fifteen seconds that each has to spare.
    const hasty = { ...settings, llm: { requestTimeoutMs: -14_400 } };
    let begun = 0;
    const dying = await instance({
      name: "dying",
      url: proxy.url,
      settings: hasty,
      judge() {
        begun++;
        return new Promise(() => {});
      },
    });
    const heirs = await Promise.all(
      ["one", "two"].map((name) =>
        instance({ name, url, settings: hasty, judge: () => Promise.resolve(null) }),
      ),
    );
    const id = await dying.queue();
    dying.store.start(dying.gateway.run);
    await vi.waitFor(() => expect(begun).toBe(1), patience);
    proxy.mode({ kind: "refuse" });
    proxy.cut();
    for (const { store, gateway } of heirs) store.start(gateway.run);
    await vi.waitFor(async () => expect(await heirs[0]?.judgedBy(id)).toMatch(/one|two/), patience);
    const ticket = await heirs[1]?.store.tickets.load(id);
    expect(ticket?.progress.deaths).toBeGreaterThanOrEqual(0);
    expect(ticket?.progress.fence).toBeGreaterThan(1);
  });

  it("let one call through at a time while the provider may be well again", async () => {
    let calls = 0;
    let inFlight = 0;
    let most = 0;
    const ill: Failure = { reason: "unavailable", status: 503, retryAfterMs: null };
    const breaker = { ...settings.breaker, failureThreshold: 1, recoveryMs: 100, successThreshold: 1_000 };
    const all = await three({
      settings: { ...settings, breaker },
      async judge() {
        if (++calls === 1) return ill;
        most = Math.max(most, ++inFlight);
        await soon(30);
        inFlight--;
        return null;
      },
    });
    expect((await all[0].submit("immediate")).ok).toBe(false);
    await vi.waitFor(async () => {
      expect((await all[1].store.gate("mock").status()).state).toBe("half_open");
    }, patience);
    const answered = await Promise.all(
      Array.from({ length: 15 }, (_, index) => all[index % 3]?.submit("immediate")),
    );
    expect(most).toBe(1);
    const judged = answered.filter((each) => each?.ok === true);
    expect(judged).toHaveLength(calls - 1);
    const others = answered.filter((each) => each?.ok === false);
    expect(others.map((each) => each?.ok === false && each.error.kind)).toEqual(others.map(() => "gate"));
  });

  it("make one call for one key that comes to two of them at once, and give both the same", async () => {
    let calls = 0;
    const [one, two, three_] = await three({
      async judge() {
        calls++;
        await soon(20);
        return null;
      },
    });
    const key = "0a".repeat(32);
    const both = await Promise.all([one.submitKeyed(key), two.submitKeyed(key)]);
    const answered = both.flatMap((one) => (one.ok ? [one.value] : []));
    expect(answered).toHaveLength(1);
    expect(both.find(({ ok }) => !ok)).toMatchObject({ error: { kind: "key_busy" } });
    const value = { ...answered[0], isReplayed: true };
    expect(await three_.submitKeyed(key)).toEqual({ ok: true, value });
    expect(calls).toBe(1);
  });

  it("come to rest only when the tickets are done that were on their way to them", async () => {
    await server?.flush();
    const proxy = await redisProxy(url);
    onTestFinished(() => proxy.close());
    let done = 0;
    const judge = async () => {
      await soon(20);
      done++;
      return null;
    };
    const resting = await instance({ name: "resting", url: proxy.url, settings, judge });
    const other = await instance({ name: "other", url, settings, judge });
    await vi.waitFor(async () => expect(await listeners()).toBe(2), patience);
    const atStart = resting.store.roundTrips();
    resting.store.start(resting.gateway.run);
    await vi.waitFor(() => expect(resting.store.roundTrips()).toBeGreaterThan(atStart), patience);
    // Answered after what the process has asked for by itself.
    await resting.store.tickets.load("warm");
    resting.store.pause();
    const id = await other.queue();
    // It has heard of that, or it would leave the ticket to the other for a moment. Nothing shows that it has.
    await soon(50);
    proxy.mode({ kind: "delay", delayMs: 60 });
    const before = resting.store.roundTrips();
    resting.store.resume();
    await vi.waitFor(() => expect(resting.store.roundTrips()).toBeGreaterThan(before), patience);
    await resting.store.rest();
    proxy.mode({ kind: "pass" });
    expect(done).toBe(1);
    expect(await other.judgedBy(id)).toBe("resting");
  });
});
