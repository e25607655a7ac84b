/** Real processes that share a real Redis, as clients meet them behind a balancer: any request may come to either. */
import { describe, expect, inject, it, type TestContext } from "vitest";
import { goodBody, post, type Answered } from "../../support/answers.ts";
import type { Fault } from "../../../tools/fake-upstream/script.ts";
import type { NodeService } from "../../support/node-service.ts";
import { type Member, type Pair, startPair, until, untilRedisIs } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");
/** Ten processes start at once: far more than they need where nobody else is at work. */
const limitMs = 120_000;

const pair = (context: TestContext, name: string, env?: Readonly<Record<string, string>>) =>
  startPair(context, upstreamUrl, name, env);

const ask = (service: NodeService, accepted: Answered, which: "status_url" | "results_url") =>
  service.request(String(accepted.body[which]));

/** One question to both. */
const askBoth = (one: Member, other: Member, accepted: Answered, which: "status_url" | "results_url") =>
  Promise.all([ask(one.service, accepted, which), ask(other.service, accepted, which)]);

/** Its owner can't be reached, which is no reason to say that there is no such ticket. */
async function expectTryAgain({ service }: Member, ticket: Answered): Promise<void> {
  for (const which of ["status_url", "results_url"] as const) {
    const answer = await ask(service, ticket, which);
    expect([answer.status, answer.headers.has("retry-after")]).toEqual([503, true]);
  }
}

const areSame = ([one, other]: readonly [Answered, Answered]) =>
  one.status === other.status && one.text === other.text;

/** Both answer 200 and the same. */
const haveResult = (answers: readonly [Answered, Answered]) => answers[0].status === 200 && areSame(answers);

/** Calls of a member that were answered with a judgement. */
async function judged({ lane }: Member): Promise<number> {
  const calls = await lane.requests("judgement");
  return calls.filter(({ outcome }) => outcome === "answered" || outcome === "delay").length;
}

/** Whose call has met this fault of its lane, and who had nothing to do with it. */
async function callerThatMet(
  fault: Fault,
  { first, second }: Pair,
): Promise<{ caller: Member; other: Member }> {
  const hasMet = async ({ lane }: Member) => (await lane.requests()).some(({ outcome }) => outcome === fault);
  const [isFirst] = await until(
    () => Promise.all([hasMet(first), hasMet(second)]),
    (met) => met.includes(true),
  );
  return isFirst ? { caller: first, other: second } : { caller: second, other: first };
}

/** Its version says so (RFC 9562): it was kept while Redis was away. */
const isMarked = ({ body }: Answered) => String(body["queue_id"]).charAt(14) === "8";

// Most of the time of the first two is that of a lease and of the patience at a stop.
describe
  .skipIf(!hasRedis("processes that share a Redis"))
  .concurrent("two processes that share a Redis", { timeout: limitMs }, () => {
    it("finish what one of them was at when it was killed, after its lease", async (context) => {
      const both = await pair(context, "redis-killed", { LLM_REQUEST_TIMEOUT_SECONDS: "2" });
      for (const { lane } of [both.first, both.second]) await lane.script([{ fault: "stall" }]);
      const accepted = await both.first.service.compare({ processing_mode: "queue" });
      expect(accepted.status).toBe(202);
      const { caller, other } = await callerThatMet("stall", both);
      caller.service.kill("SIGKILL");
      await caller.service.ended;
      await other.lane.clear();

      const result = await until(
        () => ask(other.service, accepted, "results_url"),
        ({ status }) => status === 200,
        30,
      );
      expect(result.body).toMatchObject({ queue_id: accepted.body["queue_id"], provider: "openai" });
      expect([await judged(caller), await judged(other)]).toEqual([0, 1]);
    });

    it("take over what one of them gives back when it is told to stop, long before its lease", async (context) => {
      const both = await pair(context, "redis-stopped", { LLM_REQUEST_TIMEOUT_SECONDS: "800" });
      for (const { lane } of [both.first, both.second]) await lane.script([{ fault: "stall" }]);
      const accepted = await both.first.service.compare({ processing_mode: "queue" });
      expect(accepted.status).toBe(202);
      const { caller, other } = await callerThatMet("stall", both);
      await other.lane.clear();

      expect(await caller.service.stop()).toEqual({ code: 0, signal: null });
      const result = await until(
        () => ask(other.service, accepted, "results_url"),
        ({ status }) => status === 200,
      );
      expect(result.body).toMatchObject({ queue_id: accepted.body["queue_id"] });
      expect([await judged(caller), await judged(other)]).toEqual([0, 1]);
    });

    it("say the same of a ticket that either has accepted, and judge it once", async (context) => {
      const { first, second } = await pair(context, "redis-shared", {
        CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1",
        CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "1",
      });
      const down = { fault: "unavailable", times: "forever" } as const;
      for (const { lane } of [first, second]) await lane.script([down]);
      const accepted = [await first.service.compare(), await second.service.compare()];
      for (const one of accepted) {
        expect(one.status).toBe(202);
        const [pending] = await until(() => askBoth(first, second, one, "status_url"), areSame);
        expect(["queued", "processing"]).toContain(pending.body["status"]);
        const [results] = await until(() => askBoth(first, second, one, "results_url"), areSame);
        expect(results.status).toBe(202);
      }

      for (const { lane } of [first, second]) await lane.clearScript();
      for (const one of accepted) {
        const [result] = await until(() => askBoth(first, second, one, "results_url"), haveResult);
        expect(result.body).toMatchObject({ queue_id: one.body["queue_id"], provider: "openai" });
        const statuses = await askBoth(first, second, one, "status_url");
        expect(areSame(statuses)).toBe(true);
        expect(statuses[0].body).toMatchObject({ status: "completed" });
      }
      expect((await judged(first)) + (await judged(second))).toBe(accepted.length);
    });

    it("make one call for one Idempotency-Key that comes to both at once", async (context) => {
      const { first, second } = await pair(context, "redis-keyed");
      const submitTo =
        (key: string) =>
        async ({ service }: Member) => {
          const init = post(goodBody, { headers: { "idempotency-key": key } });
          const answer = await fetch(`${service.url}/api/v1/comparison`, init);
          return { status: answer.status, text: await answer.text() };
        };
      const judgedByBoth = async () => (await judged(first)) + (await judged(second));
      for (let tries = 1; ; tries++) {
        const before = await judgedByBoth();
        for (const { lane } of [first, second]) await lane.rescript([{ fault: "delay", delayMs: 500 }]);
        const submit = submitTo(`key ${tries}`);
        const atOnce = await Promise.all([submit(first), submit(second)]);
        // On a machine too busy for Redis' 300 ms nothing can be said of this key.
        if (tries < 10 && atOnce.some(({ status }) => status === 503)) continue;
        expect(atOnce.map(({ status }) => status).toSorted()).toEqual([200, 409]);
        const answered = atOnce.find(({ status }) => status === 200);
        expect(await Promise.all([submit(first), submit(second)])).toEqual([answered, answered]);
        expect((await judgedByBoth()) - before).toBe(1);
        return;
      }
    });

    it("go on by themselves while Redis is away, and together when it is back", async (context) => {
      const both = await pair(context, "redis-away");
      const { redis, first, second } = both;
      const old = await second.service.compare({ processing_mode: "queue" });
      await until(() => askBoth(first, second, old, "results_url"), haveResult);
      for (const { lane } of [first, second]) await lane.script([{ fault: "delay", delayMs: 1_000 }]);
      const underWay = await first.service.compare({ processing_mode: "queue" });
      const { caller } = await callerThatMet("delay", both);
      await redis.kill();

      // Whoever needs no ticket notices nothing.
      for (const { service } of [first, second]) {
        expect((await service.compare({ processing_mode: "immediate" })).status).toBe(200);
        await untilRedisIs("down", { service });
        const health = await service.request("/healthz");
        expect(health).toMatchObject({
          status: 200,
          body: { status: "degraded", dependencies: { redis: { status: "down" }, sqlite: { status: "up" } } },
        });
        expect((await service.request("/readyz")).status).toBe(200);
      }

      // New tickets are kept and judged.
      const kept = await first.service.compare({ processing_mode: "queue" });
      expect([kept.status, isMarked(kept), isMarked(old)]).toEqual([202, true, false]);
      const result = await until(
        () => ask(first.service, kept, "results_url"),
        ({ status }) => status === 200,
      );

      // One waits for its provider.
      await second.lane.script([{ fault: "unavailable", times: "forever" }]);
      const waiting = await second.service.compare();
      expect([waiting.status, isMarked(waiting)]).toEqual([202, true]);

      // What another holds, or Redis: try again.
      for (const ticket of [old, underWay, waiting]) await expectTryAgain(first, ticket);
      for (const ticket of [old, kept]) await expectTryAgain(second, ticket);

      await until(
        () => caller.lane.requests(),
        (calls) => calls.every(({ endedAtMs }) => endedAtMs !== null),
      );
      await second.lane.clearScript();
      second.service.kill("SIGKILL");
      await second.service.ended;
      await redis.restart();
      await untilRedisIs("up", first);
      // Redis is back and does not have it: whoever does is gone. A plain id that nobody has is no ticket.
      await expectTryAgain(first, waiting);
      expect((await first.service.request(`/api/v1/status/${crypto.randomUUID()}`)).status).toBe(404);

      const successor = await second.again();
      for (const ticket of [old, underWay, kept, waiting]) {
        await until(() => askBoth(first, successor, ticket, "results_url"), haveResult);
        expect(areSame(await askBoth(first, successor, ticket, "status_url"))).toBe(true);
      }
      expect((await ask(successor.service, kept, "results_url")).text).toBe(result.text);
      for (const { service } of [first, successor])
        expect((await service.request("/healthz")).body["status"]).toBe("healthy");
      // Four tickets and two live judgements.
      expect((await judged(first)) + (await judged(second))).toBe(6);
    });
  });
