/** Two processes of the service that share a Redis, each with data of its own and a vendor that the other doesn't see. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestContext } from "vitest";
import { fakeLane, type Lane } from "../../../tools/fake-upstream/client.ts";
import { startNodeService, type NodeService } from "../node-service.ts";
import { type RedisServer, startRedis } from "./server.ts";

export interface Member {
  readonly service: NodeService;
  /** The upstream as only this process sees it: who was asked says who asked. */
  readonly lane: Lane;
  /** A successor on the same data. */
  again(): Promise<Member>;
}

export interface Pair {
  readonly redis: RedisServer;
  readonly first: Member;
  readonly second: Member;
}

/** Both have found Redis. All of it is gone when the test is over. @param name of the test's lanes */
export async function startPair(
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
  upstreamUrl: string,
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  const redis = await startRedis();
  onTestFinished(redis.close);

  async function member(which: string): Promise<Member> {
    const lane = fakeLane(upstreamUrl, `${name}-${which}`);
    await lane.clear();
    const folder = mkdtempSync(join(tmpdir(), `pair-${which}-`));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return await start(lane, folder);
  }

  async function start(lane: Lane, folder: string): Promise<Member> {
    const service = await startNodeService({
      REDIS_URL: redis.url,
      DATA_DIR: folder,
      OPENAI_API_KEY: "k",
      OPENAI_BASE_URL: lane.baseUrls.openai,
      LLM_MAX_RETRIES: "0",
      ...env,
    });
    onTestFinished(async () => {
      service.kill("SIGKILL");
      await service.ended;
    });
    await untilRedisIs("up", { service });
    return { service, lane, again: () => start(lane, folder) };
  }

  const [first, second] = await Promise.all([member("first"), member("second")]);
  return { redis, first, second };
}

/** Until its health page says so of Redis. @throws {Error} after 20 s */
export async function untilRedisIs(
  status: "up" | "down",
  { service }: Pick<Member, "service">,
): Promise<void> {
  await until(
    async () => (await service.request("/healthz")).body["dependencies"],
    (dependencies) => (dependencies as { redis?: { status: string } }).redis?.status === status,
  );
}

/** Asks until the answer is as wanted. @throws {Error} with the last answer, after the deadline */
export async function until<T>(
  ask: () => Promise<T>,
  isIt: (answer: T) => boolean,
  limitSeconds = 20,
): Promise<T> {
  const endsAtMs = performance.now() + limitSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    if (performance.now() > endsAtMs)
      throw new Error(`After ${limitSeconds} s still: ${JSON.stringify(answer)}`);
    await pause(50);
  }
}
