/** The end of a process whose Redis stands still: it takes connections and bytes, and answers nothing. */
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { measureLateness } from "../../support/lateness.ts";
import { startPair, type Member } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");

async function stopped({ service }: Member): Promise<void> {
  const lateness = measureLateness();
  const fromMs = performance.now();
  service.kill("SIGTERM");
  expect(await service.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - fromMs).toBeLessThan(21_000 + lateness.mostMs());
  expect(service.logged().at(-1)).toMatchObject({ event: "stopped" });
}

describe.skipIf(!hasRedis("the end of a process"))("a Redis that stands still", { timeout: 90_000 }, () => {
  it("holds no end up, and what is under way is answered", async (context) => {
    const { first, second, redis } = await startPair(context, upstreamUrl, "stop-still");
    await second.lane.script([{ fault: "delay", delayMs: 2_000, times: "forever" }]);
    await second.service.compare({ processing_mode: "queue" });
    const answering = second.service.compare();
    await second.lane.waitForRequest(1);
    await pause(200);
    redis.pause();
    context.onTestFinished(redis.resume);
    await Promise.all([stopped(first), stopped(second)]);
    expect((await answering).status).toBe(200);
  });
});
