/** Listening to tickets over a shared Redis: what is heard, while who listens, and what is not lost when Redis goes away. */
import { describe, expect, inject, it, vi } from "vitest";
import { hearMoves } from "../../../src/node/redis/moves.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { movesChannel } from "../../../src/stores/redis/redis.ts";
import { manualClock } from "../../support/clock.ts";
import { realClock } from "../../support/redis/stores.ts";
import { startPair, until, untilRedisIs } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { startRedis } from "../../support/redis/server.ts";

vi.setConfig({ testTimeout: 120_000 });
const upstreamUrl = inject("fakeUpstreamUrl");
const pathOf = (id: string) => `/api/v1/status/${id}/events`;

describe.skipIf(!hasRedis("tickets that are listened to over Redis"))("over Redis", () => {
  it("hears only while somebody waits, for a minute more, and anew when it has lost Redis", async ({
    onTestFinished,
  }) => {
    const server = await startRedis();
    onTestFinished(server.close);
    const redis = redisTransport(server.url, realClock);
    onTestFinished(redis.close);
    const clock = manualClock();
    const heard: string[] = [];
    /** It looks as often as it likes. */
    const said = () => heard.filter((what) => what !== "look");
    const moves = hearMoves(redis, clock, {
      ticketMoved: (id) => heard.push(id),
      feedGrew: (tenant) => heard.push(`feed of ${tenant}`),
      mayHaveMissed: () => heard.push("look"),
    });
    onTestFinished(moves.stop);
    const publish = async (message: string) => Number(await redis.command("PUBLISH", movesChannel, message));
    await until(
      async () => await redis.command("PING").catch(() => null),
      (said) => said === "PONG",
    );
    expect(await publish("a 1")).toBe(0);
    moves.want(true);
    await until(
      () => publish("b 2"),
      (count) => count === 1,
    );
    await publish("c 3 a tenant of ours");
    await vi.waitFor(() => expect(said().slice(-3)).toEqual(["b", "c", "feed of a tenant of ours"]));
    // Whatever happened before it heard is looked for.
    expect(heard[0]).toBe("look");
    moves.want(false);
    moves.want(true);
    await clock.advance(120_000);
    expect(await publish("d 4")).toBe(1);
    await vi.waitFor(() => expect(said().at(-1)).toBe("d"));
    heard.length = 0;
    await server.restart();
    await vi.waitFor(() => expect(heard).toContain("look"), { timeout: 20_000 });
    moves.want(false);
    await clock.advance(60_000);
    await until(
      () => publish("e 5"),
      (count) => count === 0,
    );
  });

  it("a ticket that was kept while Redis was away is listened to on its way there, and to its end", async (context) => {
    const { redis, first } = await startPair(context, upstreamUrl, "redis-live");
    await first.lane.script([{ delayMs: 4_000, times: 10 }]);
    await redis.stop();
    await untilRedisIs("down", first);
    const kept = await first.service.compare({ processing_mode: "queue" });
    expect(kept.status).toBe(202);
    const id = String(kept.body["queue_id"]);
    // One is called for here, and the rest wait here and move.
    const others = [];
    for (let n = 0; n < 12; n++)
      others.push(String((await first.service.compare({ processing_mode: "queue" })).body["queue_id"]));
    const last = String(others.at(-1));
    const streams = [id, last].map((ticket) => first.service.request(pathOf(ticket)));
    const waiting = first.service.request(`/api/v1/results/${last}?wait=30`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await redis.restart();
    await untilRedisIs("up", first);
    for (const { text } of await Promise.all(streams)) {
      const numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number));
      expect(numbers).toEqual(numbers.map((_, at) => at + 1));
      expect(text.match(/^event: .*$/gm)?.at(-1)).toBe("event: ticket.completed");
    }
    expect((await waiting).status).toBe(200);
  });
});
