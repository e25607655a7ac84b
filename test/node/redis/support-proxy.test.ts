/** The wire that breaks on demand: each break is what its name says. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { redisClient, type RedisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisProxy, type RedisProxy } from "../../support/redis/proxy.ts";
import { type RedisServer, startRedis } from "../../support/redis/server.ts";

describe.skipIf(!hasRedis("a proxy before Redis"))("a proxy before Redis", () => {
  let server: RedisServer;
  /** Goes past the proxy: sees what truly happened. */
  let witness: RedisClient;
  let proxy: RedisProxy;
  let clients: RedisClient[];
  const client = () => {
    const made = redisClient(proxy.url);
    clients.push(made);
    return made;
  };

  beforeAll(async () => {
    server = await startRedis({ requirepass: "secret" });
    witness = redisClient(server.url);
  });
  beforeEach(async () => {
    await witness.command("FLUSHALL");
    clients = [];
    proxy = await redisProxy(server.url);
  });
  afterEach(async () => {
    for (const each of clients) each.close();
    await proxy.close();
  });
  afterAll(async () => {
    witness.close();
    await server.close();
  });

  it("passes everything both ways", async () => {
    const large = "x".repeat(1_000_000);
    const one = client();
    expect(await one.command("SET", "key", large)).toBe("OK");
    expect(await one.command("GET", "key")).toBe(large);
  });

  it("counts round trips, not commands", async () => {
    const one = client();
    await one.command("PING");
    const before = proxy.roundTrips();
    await one.command("SET", "key", 1);
    await one.command("GET", "key");
    expect(proxy.roundTrips() - before).toBe(2);
    await one.pipeline(Array.from({ length: 20 }, () => ["INCR", "key"]));
    expect(proxy.roundTrips() - before).toBe(3);
    // In many pieces.
    await one.command("SET", "key", "x".repeat(1_000_000));
    expect(proxy.roundTrips() - before).toBe(4);
  });

  it("refuses new connections and leaves the others", async () => {
    const old = client();
    await old.command("PING");
    proxy.mode({ kind: "refuse" });
    await expect(client().command("PING")).rejects.toThrow(gone);
    expect(await old.command("PING")).toBe("PONG");
    proxy.mode({ kind: "pass" });
    expect(await client().command("PING")).toBe("PONG");
  });

  it("cuts every connection and takes new ones", async () => {
    const [one, two] = [client(), client()];
    await Promise.all([one.command("PING"), two.command("PING")]);
    expect(proxy.connections()).toBe(2);
    const waiting = one.command("BLPOP", "nothing", 0);
    proxy.cut();
    await expect(waiting).rejects.toThrow(gone);
    expect(await two.command("PING").catch(() => two.command("PING"))).toBe("PONG");
  });

  it("swallows all in a black hole, and gives none of it back", async () => {
    const old = client();
    await old.command("PING");
    proxy.mode({ kind: "blackHole" });
    const before = proxy.roundTrips();
    const lost = [old.command("SET", "old", 1), client().command("SET", "new", 1)].map(outcome);
    await untilItHeard(before + 2);
    proxy.mode({ kind: "pass" });
    expect(await client().command("PING")).toBe("PONG");
    lost.push(outcome(old.command("SET", "old", 2)));
    for (const _ of "12345") await client().command("PING");
    expect(await witness.command("MGET", "old", "new")).toEqual([null, null]);
    expect(lost.map((each) => each.state)).toEqual(["waiting", "waiting", "waiting"]);
  });

  it("keeps a server's death from who is in a black hole", async () => {
    const one = client();
    await one.command("PING");
    proxy.mode({ kind: "blackHole" });
    const lost = outcome(one.command("PING"));
    await server.restart();
    expect(lost.state).toBe("waiting");
    proxy.cut();
    await expect(lost.promise).rejects.toThrow(gone);
  });

  it("delays a request on its way, and keeps the order when the delay ends", async () => {
    const one = client();
    await one.command("PING");
    proxy.mode({ kind: "delay", delayMs: 100 });
    const before = proxy.roundTrips();
    const first = one.command("SET", "key", "first");
    await untilItHeard(before + 1);
    expect(await witness.command("GET", "key")).toBeNull();
    proxy.mode({ kind: "pass" });
    expect(await Promise.all([first, one.command("SET", "key", "second")])).toEqual(["OK", "OK"]);
    expect(await witness.command("GET", "key")).toBe("second");
  });

  it("cuts a request before the server hears of it, and only that one", async () => {
    const one = client();
    await one.command("PING");
    proxy.cutNextRequest();
    await expect(one.command("INCR", "count")).rejects.toThrow(gone);
    expect(await witness.command("GET", "count")).toBeNull();
    expect(await one.command("INCR", "count")).toBe(1);
  });

  it("cuts in the middle of a request, which the server then leaves undone", async () => {
    const one = client();
    await one.command("PING");
    proxy.cutNextRequest({ afterBytes: 20 });
    await expect(one.command("INCR", "count")).rejects.toThrow(gone);
    expect(await witness.command("GET", "count")).toBeNull();
  });

  it("cuts after a request was carried out and before its reply: its outcome is unknown", async () => {
    const one = client();
    await one.command("PING");
    proxy.cutNextReply();
    await expect(one.command("INCR", "count")).rejects.toThrow(gone);
    expect(await witness.command("GET", "count")).toBe("1");
    expect(await one.command("INCR", "count")).toBe(2);
  });

  it("cuts in the middle of a reply, to the byte", async () => {
    const socket = connect(proxy.port, "127.0.0.1");
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece as Buffer));
    proxy.cutNextReply({ afterBytes: 7, request: /PING/ });
    socket.write("AUTH secret\r\n");
    await once(socket, "data");
    socket.write("PING 0123456789\r\n");
    await once(socket, "close");
    expect(Buffer.concat(pieces).toString()).toBe("+OK\r\n$10\r\n01");
  });

  it("cuts only the request that it is told of", async () => {
    const [one, two] = [client(), client()];
    proxy.cutNextReply({ request: /EVALSHA|EVAL/ });
    expect(await two.command("INCR", "count")).toBe(1);
    await expect(one.command("EVAL", "return redis.call('INCR', 'count')", 0)).rejects.toThrow(gone);
    expect(await two.command("INCR", "count")).toBe(3);
  });

  it("ends its own direction, and still hears the client", async () => {
    const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.write("AUTH secret\r\n");
    await once(socket, "data");
    proxy.halfClose();
    await once(socket, "end");
    // Still on its way when the client is gone.
    proxy.mode({ kind: "delay", delayMs: 30 });
    socket.end("SET key value\r\n");
    await vi.waitFor(async () => expect(await witness.command("GET", "key")).toBe("value"), {
      interval: 5,
      timeout: 30_000,
    });
  });

  it("ends connections at once where the server behind it is gone", async () => {
    await server.kill();
    await expect(client().command("PING")).rejects.toThrow(gone);
    await server.restart();
    expect(await client().command("PING")).toBe("PONG");
  });

  /** Until the proxy has read that many bursts. */
  async function untilItHeard(bursts: number): Promise<void> {
    while (proxy.roundTrips() < bursts) await new Promise((resolve) => setImmediate(resolve));
  }
});

/** However the kernel words it that the other side is no longer there. */
const gone = /closed|ECONNRESET|EPIPE/;

interface Outcome<Value> {
  state: "waiting" | "done" | "failed";
  readonly promise: Promise<Value>;
}

function outcome<Value>(promise: Promise<Value>): Outcome<Value> {
  const found: Outcome<Value> = { state: "waiting", promise };
  promise.then(
    () => (found.state = "done"),
    () => (found.state = "failed"),
  );
  return found;
}
