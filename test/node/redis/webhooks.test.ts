/** Webhooks of two processes that share a Redis: each is sent once, and what a killed process had taken is sent by the other. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { describe, expect, inject, it, type TestContext } from "vitest";
import { redisClient } from "../../support/redis/client.ts";
import { startPair, until, untilRedisIs } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");
const secret = `whsec_${btoa("a".repeat(32))}`;
const prefix = "llm-provider-service:push:";

interface Webhooked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver that answers as it is told, and a pair of processes that tell it. */
async function pairThatTells(context: TestContext, name: string) {
  const webhooks: Webhooked[] = [];
  const answer: { with: (response: ServerResponse) => void } = {
    with: (response) => response.writeHead(204).end(),
  };
  const server = createServer(async (request, response) => {
    webhooks.push({ headers: request.headers, body: await text(request) });
    answer.with(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  const both = await startPair(context, upstreamUrl, name, {
    WEBHOOK_URLS: `local/main=${url}`,
    WEBHOOK_SECRETS: `local/main=${secret}`,
    QUEUE_POLL_INTERVAL_SECONDS: "1",
  });
  const looker = redisClient(both.redis.url);
  context.onTestFinished(() => looker.close());
  return { ...both, webhooks, answer, looker };
}

function verified({ body, headers }: Webhooked): string {
  const { data } = new Webhook(secret).verify(body, headers as Record<string, string>) as {
    data: { queue_id: string; event_number: number };
  };
  expect(headers["webhook-id"]).toBe(`evt_${data.queue_id}_${data.event_number}`);
  return data.queue_id;
}

describe.skipIf(!hasRedis("webhooks of processes that share a Redis"))(
  "webhooks of two processes that share a Redis",
  { timeout: 120_000 },
  () => {
    it("are sent once each, whoever ended the ticket", async (context) => {
      const { first, second, webhooks } = await pairThatTells(context, "webhooks-shared");
      const accepted = await Promise.all(
        Array.from({ length: 12 }, (_, at) =>
          (at % 2 === 0 ? first : second).service.compare({ processing_mode: "queue" }),
        ),
      );
      const ids = accepted.map(({ body }) => String(body["queue_id"]));
      await until(
        async () => webhooks.length,
        (count) => count >= ids.length,
        40,
      );
      // Time for a second one of any.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(webhooks.map(verified).toSorted()).toEqual(ids.toSorted());
    });

    it("wait for Redis to be back: what ends in a process' own file is told from there, once", async (context) => {
      const { redis, first, webhooks } = await pairThatTells(context, "webhooks-away");
      await redis.kill();
      await untilRedisIs("down", first);
      const { status, body } = await first.service.compare({ processing_mode: "queue" });
      expect(status).toBe(202);
      const results = await until(
        () => first.service.request(String(body["results_url"])),
        (answer) => answer.status === 200,
      );
      expect(results.body["queue_id"]).toBe(body["queue_id"]);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(webhooks).toEqual([]);
      expect((await first.service.request("/api/v1/webhooks")).status).toBe(503);
      expect(first.service.logged("background_fault")).toEqual([]);
      await redis.restart();
      await until(
        async () => webhooks.length,
        (count) => count > 0,
      );
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(webhooks.map(verified)).toEqual([body["queue_id"]]);
    });

    it("come under the same id from the other process, after the lease, where their sender was killed over them", async (context) => {
      const { first, second, webhooks, answer, looker } = await pairThatTells(context, "webhooks-killed");
      await second.service.stop();
      answer.with = () => {};
      const { body } = await first.service.compare({ processing_mode: "queue" });
      await until(
        async () => webhooks.length,
        (count) => count === 1,
      );
      first.service.kill("SIGKILL");
      await first.service.ended;
      answer.with = (response) => response.writeHead(204).end();
      const successor = await second.again();
      await untilRedisIs("up", successor);
      const sending = `${prefix}sending:local/main`;
      const [id = "", leaseEndsAtMs] = (await looker.command(
        "ZRANGE",
        sending,
        "0",
        "0",
        "WITHSCORES",
      )) as string[];
      expect(Number(leaseEndsAtMs)).toBeGreaterThan(Date.now() + 20_000);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(webhooks).toHaveLength(1);
      // As if its time were over.
      await looker.command("ZADD", sending, "1", id);
      await until(
        async () => webhooks.length,
        (count) => count === 2,
      );
      expect(webhooks.map(verified)).toEqual([body["queue_id"], body["queue_id"]]);
      expect(webhooks[1]?.headers["webhook-id"]).toBe(webhooks[0]?.headers["webhook-id"]);
      const health = await until(
        async () =>
          (await successor.service.request("/api/v1/webhooks")).body["endpoints"] as { pending: number }[],
        ([endpoint]) => endpoint?.pending === 0,
      );
      expect(health).toMatchObject([{ name: "main", state: "ok", dropped: 0 }]);
    });
  },
);
