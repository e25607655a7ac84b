/** Upstash for tests in workerd, which can start no server themselves: one on demand for each test file, worked over HTTP. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { bodyOf } from "../../tools/fake-upstream/wire.ts";
import { redisClient } from "./redis/client.ts";
import { hasRedis } from "./redis/program.ts";
import { startRedis } from "./redis/server.ts";
import type { UpstashFault } from "./redis/upstash-faults.ts";
import { upstashServer } from "./redis/upstash.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** `null`: there is no redis-server here. */
    upstashControlUrl: string | null;
  }
}

/** What a test asks of its Upstash. */
export type UpstashOrder =
  /** `command` is a pattern without slashes. */
  | {
      readonly kind: "fail";
      readonly fault: UpstashFault;
      readonly times?: number;
      readonly command?: string;
    }
  | { readonly kind: "heal" | "freeze" | "thaw" | "empty" }
  /** Answered with `UpstashSent[]`, of those that came since this was last asked. */
  | { readonly kind: "requests" }
  /** Answered with all there is, by key. */
  | { readonly kind: "dump" }
  /** A command past the REST interface. */
  | { readonly kind: "redis"; readonly command: readonly string[] };

export interface UpstashSent {
  readonly commands: readonly (readonly unknown[])[];
  readonly fault: string | null;
}

export async function setup(project: TestProject) {
  if (!hasRedis("Workers with Upstash")) {
    project.provide("upstashControlUrl", null);
    return undefined;
  }
  // Promises, so that of two files that begin in one moment each has its own.
  const started: ReturnType<typeof start>[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const index = Number((request.url ?? "/").slice(1) || started.length);
    if (index === started.length) started.push(start());
    const upstash = await started[index];
    const { url, token } = upstash?.stub ?? {};
    const answer = request.url === "/" ? { index, url, token } : await upstash?.work(JSON.parse(body ?? ""));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  project.provide("upstashControlUrl", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all(started.map(async (one) => (await one).close()));
  };
}

async function start() {
  const redis = await startRedis({ appendonly: false });
  const stub = await upstashServer(redis.url);
  const client = redisClient(redis.url);
  let told: UpstashSent[] = [];

  async function work(order: UpstashOrder): Promise<unknown> {
    switch (order.kind) {
      case "fail": {
        const { fault, times, command } = order;
        return stub.fail(fault, {
          ...(times === undefined ? {} : { times }),
          ...(command === undefined ? {} : { command: new RegExp(command, "i") }),
        });
      }
      case "heal":
        return stub.heal();
      case "freeze":
        return stub.freezeReads();
      case "thaw":
        return stub.thawReads();
      case "empty":
        return redis.flush();
      case "requests":
        told = stub.requests.slice(seen).map(({ commands, fault }) => ({ commands, fault }));
        seen = stub.requests.length;
        return told;
      case "dump":
        return dump();
      case "redis":
        return client.command(...order.command);
    }
  }
  let seen = 0;

  async function dump(): Promise<Record<string, unknown>> {
    const keys = (await client.command("KEYS", "*")) as string[];
    const rows = keys.map(async (key): Promise<[string, unknown]> => {
      const type = String(await client.command("TYPE", key));
      const read = { hash: "HGETALL", set: "SMEMBERS", string: "GET" }[type] ?? type;
      return [key, await client.command(read, key)];
    });
    return Object.fromEntries(await Promise.all(rows));
  }

  return {
    stub,
    work,
    async close() {
      client.close();
      await stub.close();
      await redis.close();
    },
  };
}
