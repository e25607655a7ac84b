/** Upstash's REST interface as its SDK speaks to it: requests here are those that the SDK (1.39.0) was seen to send. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { type RedisServer, startRedis } from "../../support/redis/server.ts";
import { upstashServer, type UpstashServer } from "../../support/redis/upstash.ts";

describe.skipIf(!hasRedis("Upstash's REST interface"))("Upstash's REST interface", () => {
  let server: RedisServer;
  let upstash: UpstashServer;
  /** Goes past HTTP: sees what truly happened. */
  let witness: RedisClient;
  beforeAll(async () => {
    server = await startRedis({ appendonly: false });
    witness = redisClient(server.url);
    upstash = await upstashServer(server.url);
  });
  beforeEach(() => witness.command("FLUSHALL"));
  afterEach(() => {
    upstash.heal();
    upstash.thawReads();
  });
  afterAll(async () => {
    await upstash.close();
    witness.close();
    await server.close();
  });

  const post = (body: unknown, { path = "/", headers = {}, ...init }: PostOptions = {}) =>
    fetch(upstash.url + path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${upstash.token}`,
        "upstash-sync-token": "",
        ...headers,
      },
      body: JSON.stringify(body),
      ...init,
    });
  const ask = async (body: unknown, options: PostOptions = {}) => {
    const response = await post(body, options);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  const base64 = { headers: { "upstash-encoding": "base64" } };

  it("answers a command with its result", async () => {
    expect(await ask(["set", "key", "välue", "ex", 100])).toEqual({ status: 200, body: { result: "OK" } });
    expect(await ask(["get", "key"])).toEqual({ status: 200, body: { result: "välue" } });
    expect(await ask(["get", "none"])).toEqual({ status: 200, body: { result: null } });
    expect(await ask(["incrby", "count", 41])).toEqual({ status: 200, body: { result: 41 } });
    expect(await ask(["mget", "key", "none"])).toEqual({ status: 200, body: { result: ["välue", null] } });
  });

  it("encodes every string where it is asked to, but for the reply OK", async () => {
    const encoded = (text: string) => Buffer.from(text).toString("base64");
    expect((await ask(["set", "key", "OK"], base64)).body).toEqual({ result: "OK" });
    expect((await ask(["get", "key"], base64)).body).toEqual({ result: encoded("OK") });
    expect((await ask(["ping"], base64)).body).toEqual({ result: encoded("PONG") });
    const script = "return {ARGV[1], 7, {redis.status_reply('OK')}}";
    expect((await ask(["eval", script, 0, "é"], base64)).body).toEqual({
      result: [encoded("é"), 7, [encoded("OK")]],
    });
    expect((await ask(["eval", "return '\\255'", 0], base64)).body).toEqual({ result: "/w==" });
  });

  it("answers 400 with Redis' own words, never encoded, where a command fails", async () => {
    await witness.command("SET", "key", "value");
    expect(await ask(["lpush", "key", "x"], base64)).toEqual({
      status: 400,
      body: { error: "WRONGTYPE Operation against a key holding the wrong kind of value" },
    });
  });

  it("knows a script by its hash only after it was loaded", async () => {
    const hash = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    expect(await ask(["evalsha", hash, 0])).toEqual({
      status: 400,
      // Valkey leaves the second sentence out.
      body: { error: expect.stringMatching(/^NOSCRIPT No matching script\./) },
    });
    expect((await ask(["script", "load", "return 1"])).body).toEqual({ result: hash });
    expect(await ask(["evalsha", hash, 0])).toEqual({ status: 200, body: { result: 1 } });
    await ask(["script", "flush"]);
  });

  it("answers a pipeline with 200 and an outcome for each command", async () => {
    await witness.command("SET", "key", "value");
    const commands = [
      ["set", "a", 1],
      ["lpush", "key", "x"],
      ["waitaof", 1, 0, 0],
      ["incr", "a"],
    ];
    expect(await ask(commands, { path: "/pipeline" })).toEqual({
      status: 200,
      body: [
        { result: "OK" },
        { error: "WRONGTYPE Operation against a key holding the wrong kind of value" },
        { error: "ERR Command is not available: 'WAITAOF'." },
        { result: 2 },
      ],
    });
  });

  it("carries a transaction out in one step, and discards it as a whole where a command can't be", async () => {
    await witness.command("SET", "key", "value");
    const path = "/multi-exec";
    expect(
      await ask(
        [
          ["incr", "a"],
          ["lpush", "key", "x"],
          ["incr", "a"],
        ],
        { path },
      ),
    ).toEqual({
      status: 200,
      body: [
        { result: 1 },
        { error: "WRONGTYPE Operation against a key holding the wrong kind of value" },
        { result: 2 },
      ],
    });
    expect(await ask([["incr", "a"], ["nonsense"]], { path })).toEqual({
      status: 400,
      body: { error: expect.stringMatching(/^EXECABORT/) },
    });
    expect(await witness.command("GET", "a")).toBe("2");
  });

  it("keeps transactions apart from what others ask at the same time", async () => {
    const transaction = [
      ["get", "count"],
      ["incr", "count"],
      ["get", "count"],
    ];
    const all = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? ask(transaction, { path: "/multi-exec" }) : ask(["incr", "count"]),
    );
    for (const [index, { body }] of (await Promise.all(all)).entries()) {
      if (index % 2 !== 0) continue;
      const [before, , after] = (body as { result: string | null }[]).map(({ result }) => Number(result));
      expect(after).toBe((before ?? 0) + 1);
    }
  });

  it("turns away a wrong token, another method and what is no command", async () => {
    const wrongToken = { status: 401, body: { error: "WRONGPASS invalid or missing auth token" } };
    expect(await ask(["get", "key"], { headers: { authorization: "Bearer wrong" } })).toEqual(wrongToken);
    expect(await ask(["get", "key"], { headers: { authorization: "" } })).toEqual(wrongToken);
    expect((await post(null, { method: "PUT" })).status).toBe(405);
    for (const body of [{ get: "key" }, [], [["get", "key"]], ["get", null]])
      expect((await post(body)).status).toBe(400);
    expect((await post(["get", "key"], { path: "/pipeline" })).status).toBe(400);
  });

  it("remembers what it was asked", async () => {
    await post(["set", "key", 1], base64);
    expect(upstash.requests.at(-1)).toMatchObject({
      path: "/",
      commands: [["set", "key", "1"]],
      headers: { "upstash-encoding": "base64" },
      fault: null,
    });
  });

  it("answers slowly what it has done at once", async () => {
    upstash.fail({ kind: "slow", delayMs: 60_000 }, { times: 1 });
    const leaving = new AbortController();
    const answer = post(["incr", "count"], { signal: leaving.signal }).catch((error: Error) => error.name);
    await vi.waitFor(async () => expect(await witness.command("GET", "count")).toBe("1"), 30_000);
    leaving.abort();
    expect(await answer).toBe("AbortError");
    expect((await ask(["incr", "count"])).body).toEqual({ result: 2 });
  });

  it("carries out late what the client has given up", async () => {
    upstash.fail({ kind: "late", delayMs: 100 }, { times: 1 });
    const leaving = new AbortController();
    const answer = post(["set", "key", "late"], { signal: leaving.signal }).catch(
      (error: Error) => error.name,
    );
    await untilAsked("late");
    leaving.abort();
    expect(await answer).toBe("AbortError");
    expect((await ask(["set", "key", "newer"])).status).toBe(200);
    await vi.waitFor(async () => expect(await witness.command("GET", "key")).toBe("late"));
  });

  it("hangs without doing anything", async () => {
    upstash.fail({ kind: "hang" }, { times: 1 });
    const leaving = new AbortController();
    const answer = post(["incr", "count"], { signal: leaving.signal }).catch((error: Error) => error.name);
    await untilAsked("hang");
    leaving.abort();
    expect(await answer).toBe("AbortError");
    expect((await ask(["incr", "count"])).body).toEqual({ result: 1 });
  });

  it("fails as a gateway does, as one over its limit, and as one whose token was taken back", async () => {
    upstash.fail({ kind: "html" }, { times: 1 });
    const page = await post(["incr", "count"]);
    expect([page.status, page.headers.get("content-type")]).toEqual([502, "text/html"]);
    expect(await page.text()).toMatch(/^<html>/);
    upstash.fail({ kind: "rateLimited" }, { times: 1 });
    expect(await ask(["incr", "count"])).toEqual({
      status: 429,
      body: { error: "ERR max requests limit exceeded." },
    });
    upstash.fail({ kind: "unauthorized" }, { times: 1 });
    expect((await ask(["incr", "count"])).status).toBe(401);
    expect(await witness.command("GET", "count")).toBeNull();
  });

  it("drops the connection before and after the deed, which look the same", async () => {
    upstash.fail({ kind: "dropBefore" }, { times: 1 });
    await expect(post(["incr", "before"])).rejects.toThrow("fetch failed");
    upstash.fail({ kind: "dropAfter" }, { times: 1 });
    await expect(post(["incr", "after"])).rejects.toThrow("fetch failed");
    expect(await witness.command("MGET", "before", "after")).toEqual([null, "1"]);
  });

  it("fails as often as it is told, and only for the commands it is told of", async () => {
    upstash.fail({ kind: "rateLimited" }, { times: 2, command: /^eval/i });
    const statuses: number[] = [];
    for (const command of ["get", "eval", "get", "eval", "eval"])
      statuses.push((await ask(command === "get" ? ["get", "key"] : ["eval", "return 1", 0])).status);
    expect(statuses).toEqual([200, 429, 200, 429, 200]);
    upstash.fail({ kind: "rateLimited" });
    for (const _ of "123") expect((await ask(["ping"])).status).toBe(429);
    upstash.heal();
    expect((await ask(["ping"])).status).toBe(200);
  });

  it("reads old data from a replica that lags, but not before who has seen newer", async () => {
    const read = async (syncToken = "") =>
      (await ask(["get", "key"], { headers: { "upstash-sync-token": syncToken } })).body;
    const seen = (await post(["set", "key", "old", "px", 100_000])).headers.get("upstash-sync-token") ?? "";
    await upstash.freezeReads();
    const written = (await post(["set", "key", "new"])).headers.get("upstash-sync-token") ?? "";
    expect(await read()).toEqual({ result: "old" });
    expect(await read(seen)).toEqual({ result: "old" });
    expect(await read(written)).toEqual({ result: "new" });
    expect((await ask(["pttl", "key"])).body).toEqual({ result: expect.any(Number) });
    expect((await ask(["pttl", "key"])).body).not.toEqual({ result: -1 });
    // A script goes to the primary, and so does what asks together with a write.
    expect((await ask(["eval", "return redis.call('GET', 'key')", 0])).body).toEqual({ result: "new" });
    expect(
      (
        await ask(
          [
            ["get", "key"],
            ["set", "other", 1],
          ],
          { path: "/pipeline" },
        )
      ).body,
    ).toEqual([{ result: "new" }, { result: "OK" }]);
    upstash.thawReads();
    expect(await read()).toEqual({ result: "new" });
  });

  it("answers 500 while the Redis behind it is away, and recovers with it", async () => {
    await server.kill();
    expect(await ask(["get", "key"])).toMatchObject({ status: 500 });
    await server.restart();
    expect(await ask(["get", "key"])).toEqual({ status: 200, body: { result: null } });
  });

  const untilAsked = (fault: string) =>
    vi.waitFor(() => expect(upstash.requests.at(-1)?.fault).toBe(fault), { interval: 5, timeout: 30_000 });
});

interface PostOptions {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly signal?: AbortSignal;
}
