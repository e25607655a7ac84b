/** What all isolates have counted: it never falls, whatever dies, and what comes twice counts once. */
import { runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, it } from "vitest";
import { clock } from "../../../src/cloudflare/clock.ts";
import type { Environment } from "../../../src/cloudflare/environment.ts";
import type { MetricsObject } from "../../../src/cloudflare/objects/metrics-object.ts";
import { metricsOf } from "../../../src/cloudflare/stubs/metrics.ts";
import { recentCalls } from "../../../src/telemetry/recent.ts";
import { attemptOf, requestOf } from "../../telemetry/events-for-test.ts";
import { env, freshWorld, storedIn } from "../objects.ts";

type Remote = Pick<MetricsObject, "add" | "read" | "recent">;

const stub = () => env.METRICS_OBJECTS.get(env.METRICS_OBJECTS.idFromName("all"));
const object = () =>
  stub() as unknown as {
    [Verb in keyof Remote]: (...given: Parameters<Remote[Verb]>) => Promise<ReturnType<Remote[Verb]>>;
  };
const one = (value = 1) => [["llm_provider_tickets_total", ["openai", "accepted"], value, null]] as const;
const total = async () => (await object().read())[0]?.[2] ?? 0;

/** As when its machine dies: nothing that is not stored is left. */
const killed = () => runInDurableObject(stub(), (_, state) => state.abort("killed")).catch(() => {});

beforeEach(async () => {
  await freshWorld();
});

it("adds up what isolates send", async () => {
  await object().add("a", 1, one());
  await object().add("b", 1, one(2));
  await object().add("a", 2, one(4));
  expect(await total()).toBe(7);
});

it("counts a push once, however often it comes, and after a new life too", async () => {
  for (let times = 0; times < 3; times++) await object().add("a", 1, one());
  expect(await total()).toBe(1);
  await killed();
  await object().add("a", 1, one());
  expect(await total()).toBe(1);
  await object().add("a", 2, one());
  expect(await total()).toBe(2);
});

it("has stored what it shows: one that is killed shows no less than before", async () => {
  await object().add("a", 1, one());
  await object().add("a", 2, one());
  expect(await total()).toBe(2);
  await object().add("a", 3, one());
  await killed();
  const after = await total();
  expect(after).toBeGreaterThanOrEqual(2);
  await object().add("a", 4, one());
  expect(await total()).toBe(after + 1);
});

it("writes nothing for what is sent, and one row where it is read", async () => {
  await object().add("a", 1, one());
  expect((await storedIn(stub()))["counts"]).toEqual([]);
  await object().read();
  expect((await storedIn(stub()))["counts"]).toHaveLength(1);
});

/** An isolate of its own, whose requests to the object a test can lose. */
function isolate(isLost: () => boolean | "answer" = () => false) {
  const lossy = {
    idFromName: (name: string) => env.METRICS_OBJECTS.idFromName(name),
    get: () => ({
      async add(...given: Parameters<Remote["add"]>) {
        const fate = isLost();
        if (fate === true) throw new Error("lost");
        await object().add(...given);
        if (fate === "answer") throw new Error("its answer is lost");
      },
      read: () => object().read(),
      recent: () => object().recent(),
    }),
  };
  const here = { ...env, METRICS_OBJECTS: lossy } as unknown as Environment;
  return metricsOf(here);
}

const later: Promise<unknown>[] = [];
const nowhere = (work: Promise<unknown>) => void later.push(work);
const attempts = (differences: Awaited<ReturnType<Remote["read"]>>) =>
  differences.filter(([name]) => name === "llm_provider_attempts_total").map(([, , value]) => value);

it("an isolate's counts arrive once, though requests and answers are lost on the way", async () => {
  const fates: (boolean | "answer")[] = [true, "answer", true, "answer", false];
  const { count, flush } = isolate(() => fates.shift() ?? false);
  for (let at = 0; at < 8; at++) {
    count(attemptOf(), nowhere);
    await flush();
  }
  await flush();
  expect(attempts(await object().read())).toEqual([8]);
});

it("sets off one request for all that it counts in five seconds, and none for who only watches", () => {
  const { count } = isolate();
  const before = later.length;
  for (let at = 0; at < 3; at++) count(requestOf({ route: "/metrics", comparison: null }), nowhere);
  expect(later.length).toBe(before);
  for (let at = 0; at < 100; at++) {
    count(attemptOf(), nowhere);
    count(requestOf(), nowhere);
  }
  expect(later.length).toBe(before + 1);
});

const failed = (correlationId: string) => attemptOf({ correlationId, failure: { reason: "timeout" } });

it("has what happened lately in all isolates: each call once, the latest failures of each push", async () => {
  const [one, other] = [isolate(), isolate()];
  for (let at = 0; at < 25; at++) one.count(failed(`c${at}`), nowhere);
  one.count(attemptOf(), nowhere);
  await one.flush();
  other.count(failed("d"), nowhere);
  const recent = await other.recent();
  expect(recentCalls(recent, "openai", clock.nowMs())).toMatchObject({ calls: 27, failed: 26 });
  expect(recent.failures.map(({ correlationId }) => correlationId)).toEqual([
    ...Array.from({ length: 20 }, (_, at) => `c${at + 5}`),
    "d",
  ]);
});

it("tells of a failed call once, though its push came twice, and still after a new life", async () => {
  const fates: (boolean | "answer")[] = ["answer", false];
  const { count, flush, recent } = isolate(() => fates.shift() ?? false);
  count(failed("c"), nowhere);
  await flush();
  await flush();
  const before = await recent();
  expect([before.failures.length, recentCalls(before, "openai", clock.nowMs()).failed]).toEqual([1, 1]);
  await object().read();
  await killed();
  expect(await object().recent()).toEqual(before);
});

it("takes what an isolate of an older version sends, which tells of no failures", async () => {
  await object().add("a", 1, one());
  expect((await object().recent()).failures).toEqual([]);
});
