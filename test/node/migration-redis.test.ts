/** What older code has left in Redis, and in the file of its one process, under the present code. */
import { describe, onTestFinished } from "vitest";
import type { Manifest, RedisFixture } from "../migration/fixture.ts";
import { loadRedis } from "../migration/load-redis.ts";
import { loadSqlite } from "../migration/load-sqlite.ts";
import { moveTo } from "../migration/moments.ts";
import { filesIn, folderForTest, oldCommits, openWorld, readFixture } from "../migration/node-world.ts";
import { testMigration } from "../migration/suite.ts";
import { redisClient, type RedisClient } from "../support/redis/client.ts";
import { hasRedis } from "../support/redis/program.ts";
import { startRedis } from "../support/redis/server.ts";

describe.skipIf(!hasRedis("what older code has left in Redis"))("after a change of versions", () => {
  for (const commit of oldCommits) testOver(commit);
});

function testOver(commit: string): void {
  const { madeAtMs, keys, file } = readFixture<RedisFixture>(commit, "redis.json");
  const manifest = readFixture<Manifest>(commit, "redis.manifest.json");

  testMigration({
    name: "Redis, and in the file beside it",
    manifest,
    ownerIsDead: false,
    silent: { fault: "stall", times: "forever" },
    async open(ageMs, steps) {
      const server = await startRedis({ appendonly: false });
      onTestFinished(server.close);
      const client = redisClient(server.url);
      onTestFinished(client.close);
      const folder = folderForTest();
      const move = moveTo(madeAtMs, Date.now(), ageMs);
      await loadRedis(client, keys, move);
      loadSqlite(folder, file, move);
      const world = await openWorld(manifest, folder, move, steps, { REDIS_URL: server.url });
      return { ...world, stored: async () => filesIn(folder) + (await ticketsIn(client)) };
    },
  });
}

async function ticketsIn(client: RedisClient): Promise<string> {
  const names = (await client.command("KEYS", "*:queue:requests:*")) as string[];
  return JSON.stringify(await Promise.all(names.map((name) => client.command("HGETALL", name))));
}
