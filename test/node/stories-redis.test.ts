/** The stories over two Node processes that share a Redis: each request comes to the other one than the last. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, inject } from "vitest";
import { startNodeService } from "../support/node-service.ts";
import { untilRedisIs } from "../support/redis/pair.ts";
import { hasRedis } from "../support/redis/program.ts";
import { startRedis } from "../support/redis/server.ts";
import { testStories } from "../stories/suite.ts";
import { freshLanes, storySettings } from "../stories/world.ts";

describe.skipIf(!hasRedis("stories over a Redis"))("over Redis", () => {
  testStories({
    name: "two Node processes over Redis",
    async open() {
      const lanes = await freshLanes(inject("fakeUpstreamUrl"), "stories-redis");
      const redis = await startRedis({ appendonly: false });
      const settings = {
        ...(await storySettings(lanes)),
        REDIS_URL: redis.url,
        NODE_OPTIONS: `--import=${resolve("test/stories/throwing.ts")}`,
      };
      const folders = [0, 1].map((at) => mkdtempSync(join(tmpdir(), `stories-${at}-`)));
      const services = await Promise.all(
        folders.map(async (folder) => {
          const service = await startNodeService({ ...settings, DATA_DIR: folder });
          await untilRedisIs("up", { service });
          return service;
        }),
      );
      let requests = 0;
      return {
        lanes,
        ask(path, init) {
          const service = services[requests++ % services.length];
          if (service === undefined) throw new Error("there is no process");
          return service.request(path, init);
        },
        async close() {
          for (const service of services) {
            service.kill("SIGKILL");
            await service.ended;
          }
          await redis.close();
          for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
        },
      };
    },
  });
});
