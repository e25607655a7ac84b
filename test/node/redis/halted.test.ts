/** A provider that an operator has paused, while the Redis that says so is away: real processes, a real Redis. */
import { describe, expect, inject, it } from "vitest";
import type { NodeService } from "../../support/node-service.ts";
import { startPair, until, untilRedisIs } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");

const order = (service: NodeService, verb: "pause" | "resume") =>
  service.request(`/api/v1/operator/providers/openai/${verb}`, { method: "POST" });
const live = async (service: NodeService) => {
  const { status, body } = await service.compare({ processing_mode: "immediate" });
  return [status, body["error_type"] ?? null];
};
const paused = [503, "CIRCUIT_BREAKER_OPEN"];

describe.skipIf(!hasRedis("a pause over Redis"))(
  "a pause that was ordered at one process",
  { timeout: 120_000 },
  () => {
    it("holds at all of them while Redis is away, and ends where it is resumed", async (context) => {
      const { redis, first, second } = await startPair(context, upstreamUrl, "redis-halted");
      expect((await order(first.service, "pause")).body).toMatchObject({ paused: true, paused_by: "local" });
      await until(
        () => live(second.service),
        (answer) => String(answer) === String(paused),
      );
      const told = await until(
        () => Promise.resolve([first, second].flatMap(({ service }) => service.logged("provider_held"))),
        (lines) => lines.length > 0,
      );
      expect(told).toMatchObject([{ provider: "openai", reason: "paused" }]);
      const before = await Promise.all(
        [first, second].map(async ({ lane }) => (await lane.requests()).length),
      );

      await redis.kill();
      for (const { service } of [first, second]) {
        await untilRedisIs("down", { service });
        expect(await live(service)).toEqual(paused);
      }
      const kept = await second.service.compare();
      expect([kept.status, kept.body["retry_after"]]).toEqual([202, 60]);
      // Nobody can tell the other process.
      expect((await order(first.service, "resume")).status).toBe(503);
      const after = await Promise.all(
        [first, second].map(async ({ lane }) => (await lane.requests()).length),
      );
      expect(after).toEqual(before);

      await redis.restart();
      await untilRedisIs("up", second);
      expect((await order(second.service, "resume")).body).toMatchObject({ paused: false });
      await until(
        () => live(second.service),
        ([status]) => status === 200,
      );
      await until(
        () => second.service.request(String(kept.body["results_url"])),
        ({ status }) => status === 200,
      );
    });
  },
);
