/** The real Redis that other tests lean on: each of its troubles is what its name says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { hasRedis, redisProgram } from "../../support/redis/program.ts";
import { type RedisOptions, redisServer, type RedisServer, startRedis } from "../../support/redis/server.ts";

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function start(options: RedisOptions = {}): Promise<{ server: RedisServer; client: RedisClient }> {
  const server = await startRedis(options);
  const client = redisClient(server.url);
  cleanUps.push(server.close, client.close);
  return { server, client };
}

describe("a machine without redis-server", () => {
  const empty = { PATH: "/nowhere" };

  it("skips in one line that says what, why and what helps", () => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(hasRedis("tickets over Redis", empty)).toBe(false);
    expect(written.mock.calls).toEqual([
      [
        "SKIPPED tickets over Redis: no redis-server here. Install Debian's redis-server package or set REDIS_SERVER_BIN.\n",
      ],
    ]);
    written.mockRestore();
  });

  it("fails in CI, where nobody reads that line", () => {
    expect(() => hasRedis("tickets over Redis", { ...empty, CI: "true" })).toThrow(/no redis-server here/);
  });

  it("has no server, and says so where one is needed", async () => {
    vi.stubEnv("PATH", "/nowhere").stubEnv("REDIS_SERVER_BIN", "");
    expect(await redisServer()).toBeNull();
    await expect(startRedis()).rejects.toThrow("There is no redis-server here.");
    vi.unstubAllEnvs();
  });

  it("takes the program it is told, and never another in its place", () => {
    expect(redisProgram({ ...empty, REDIS_SERVER_BIN: process.execPath })).toBe(process.execPath);
    expect(() => redisProgram({ ...process.env, REDIS_SERVER_BIN: "/nowhere/redis-server" })).toThrow(
      /REDIS_SERVER_BIN is no program/,
    );
  });
});

describe.skipIf(!hasRedis("a real redis-server"))("a real redis-server", () => {
  it("has after a SIGKILL what it had acknowledged, at the same address", async () => {
    const { server, client } = await start();
    const before = server.pid();
    await client.command("SET", "key", "value");
    await server.kill();
    await expect(client.command("GET", "key")).rejects.toThrow(/closed|ECONNREFUSED|ECONNRESET|EPIPE/);
    await server.restart();
    expect(await client.command("GET", "key")).toBe("value");
    expect(server.pid()).not.toBe(before);
  });

  it("restarts while it runs, and after it was stopped in order", async () => {
    const { server, client } = await start();
    await client.command("SET", "key", "value");
    await server.restart();
    await server.stop();
    await server.restart();
    expect(await redisCommand(server.url, "GET", "key")).toBe("value");
  });

  it("forgets all in a crash where it keeps no file", async () => {
    const { server, client } = await start({ appendonly: false });
    await client.command("SET", "key", "value");
    await server.restart();
    expect(await redisCommand(server.url, "GET", "key")).toBeNull();
  });

  it.each(["always", "everysec", "no"] as const)("syncs its file %s", async (appendfsync) => {
    const { client } = await start({ appendfsync });
    expect(await client.command("CONFIG", "GET", "append*")).toEqual(
      expect.arrayContaining(["appendonly", "yes", "appendfsync", appendfsync]),
    );
  });

  it("takes connections while it is paused, and answers once it goes on", async () => {
    const { server } = await start();
    server.pause();
    let isAnswered = false;
    const answer = redisCommand(server.url, "SET", "key", "value").finally(() => (isAnswered = true));
    // One that was not paused would have answered: nothing else can show that it has not.
    await pause(50);
    expect(isAnswered).toBe(false);
    server.resume();
    expect(await answer).toBe("OK");
  });

  it("can be stopped and killed while it is paused", async () => {
    const { server } = await start();
    server.pause();
    await server.stop();
    await server.restart();
    server.pause();
    await server.kill();
    await server.restart();
    expect(await redisCommand(server.url, "PING")).toBe("PONG");
  });

  it("refuses writes when its memory is full, and evicts where it may", async () => {
    // One at a time: what waits to be read is in Redis' memory too.
    const fill = async (client: RedisClient) => {
      for (let index = 0; index < 40; index++)
        await client.command("SET", `key${index}`, "x".repeat(100_000));
    };
    const { client } = await start({ maxmemory: "3mb", maxmemoryPolicy: "noeviction" });
    await expect(fill(client)).rejects.toThrow(/^OOM /);
    const evicting = await start({ maxmemory: "3mb", maxmemoryPolicy: "allkeys-lru" });
    await fill(evicting.client);
    expect(await evicting.client.command("DBSIZE")).toBeLessThan(40);
  });

  it("asks for the password that it was given", async () => {
    const { server, client } = await start({ requirepass: "a pass/word" });
    expect(await client.command("PING")).toBe("PONG");
    await expect(redisCommand(`redis://127.0.0.1:${server.port}`, "PING")).rejects.toThrow(/^NOAUTH/);
  });

  it("flushes data and scripts", async () => {
    const { server, client } = await start();
    await client.command("SET", "key", "value");
    const hash = String(await client.command("SCRIPT", "LOAD", "return 1"));
    expect(await client.command("EVALSHA", hash, 0)).toBe(1);
    await server.flush();
    expect(await client.command("GET", "key")).toBeNull();
    await expect(client.command("EVALSHA", hash, 0)).rejects.toThrow(/^NOSCRIPT/);
  });

  it("leaves no process and no folder behind when it is closed", async () => {
    const { server, client } = await start();
    const folder = await folderOf(client);
    expect(existsSync(folder)).toBe(true);
    await server.close();
    expect(existsSync(folder)).toBe(false);
    expect(isAlive(server.pid())).toBe(false);
    // Also for the clean-up, where it is closed once more.
    await server.close();
  });

  it("does not outlive the process that started it, not even one that is killed", async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", owner], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    const client = redisClient(chunk.toString().trim());
    const folder = await folderOf(client);
    child.kill("SIGKILL");
    await vi.waitFor(async () => {
      await expect(client.command("PING")).rejects.toThrow("ECONNREFUSED");
      expect(existsSync(folder)).toBe(false);
    }, 30_000);
  });

  it("speaks to several of its kind at once, each with its own data", async () => {
    const servers = await Promise.all([start(), start(), start()]);
    await Promise.all(servers.map(({ client }, index) => client.command("SET", "number", index)));
    expect(await Promise.all(servers.map(({ client }) => client.command("GET", "number")))).toEqual([
      "0",
      "1",
      "2",
    ]);
  });
});

const owner = `
  const { redisServer } = await import(${JSON.stringify(join(import.meta.dirname, "../../support/redis/server.ts"))});
  const server = await redisServer();
  console.log(server.url);
  setInterval(() => {}, 1000);
`;

async function redisCommand(url: string, ...command: readonly string[]) {
  const client = redisClient(url);
  try {
    return await client.command(...command);
  } finally {
    client.close();
  }
}

async function folderOf(client: RedisClient): Promise<string> {
  const [, folder] = (await client.command("CONFIG", "GET", "dir")) as [string, string];
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
