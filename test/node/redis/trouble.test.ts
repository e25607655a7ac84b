/** A Redis that says no, or can't be reached: what health and log say of it, each in its own words, and what the service does meanwhile. */
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { endedEventJson } from "../../../src/http/notices.ts";
import { openStores } from "../../../src/node/stores.ts";
import { linesTo } from "../../../src/telemetry/lines.ts";
import type { LogFields } from "../../../src/telemetry/log.ts";
import { markedAtMs } from "../../../src/stores/failover/marked-id.ts";
import { draftOf, kept } from "../../contracts/tickets.ts";
import { config, directoryForTest } from "../../support/sqlite-store.ts";
import { redisClient } from "../../support/redis/client.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { redisServer, type RedisOptions } from "../../support/redis/server.ts";
import { realClock } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("a Redis that says no");
const password = "a-password";
const main = isMissing ? null : await redisServer({ requirepass: password });
const admin = redisClient(main?.url ?? "redis://127.0.0.1:1");
afterAll(async () => {
  admin.close();
  await main?.close();
});

const at = (credentials: string, more = "") => `redis://${credentials}127.0.0.1:${main?.port ?? 1}${more}`;

/** Health, log and warnings of a service with this Redis. Starts as the service does. */
async function storesAt(redisUrl: string, isWorking = true) {
  const lines: (LogFields & { readonly level: string; readonly event: string })[] = [];
  const opened = await openStores({
    settings: { ...config, dataDir: directoryForTest() },
    redisUrl,
    onCancelled: () => {},
    hints: { ticketMoved() {}, feedGrew() {}, mayHaveMissed() {} },
    clock: realClock,
    random: () => 0.5,
    newId: () => crypto.randomUUID(),
    endedEvent: endedEventJson,
    onFault: (error) => lines.push({ level: "error", event: String(error) }),
    tell: linesTo((level, event, fields) => lines.push({ level, event, ...fields })),
  });
  if (!opened.ok) throw new Error(opened.error);
  const { parts, start, rest, close } = opened.value;
  let isOpen = true;
  const end = async () => {
    if (!isOpen) return;
    isOpen = false;
    await rest();
    await close();
  };
  onTestFinished(end);
  if (isWorking) start(async () => {});
  const redis = async () => (await parts.dependencies("all"))["redis"];
  return {
    parts,
    redis,
    lines,
    warnings: () => parts.warnings?.() ?? [],
    end,
    start,
  };
}

async function serverFor(options: RedisOptions) {
  const server = await redisServer(options);
  if (server === null) throw new Error("no redis-server");
  onTestFinished(() => server.close());
  return server;
}

/** Answers everything with the same line. */
async function parrot(line: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const _ of chunk.toString("latin1").matchAll(/^\*\d+\r$/gm)) socket.write(`${line}\r\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A user with these rights, beside what the password takes. @returns its URL */
async function userWith(...rules: string[]): Promise<string> {
  const name = `user${crypto.randomUUID().slice(0, 8)}`;
  await admin.command("ACL", "SETUSER", name, "on", `>${password}`, ...rules);
  return at(`${name}:${password}@`);
}

/** As docs/operate.md has them. */
const leastRights = (
  /^ACL SETUSER \S+ on >\S+ (.*)$/m.exec(readFileSync("docs/operate.md", "utf8"))?.[1] ?? ""
).split(" ");
const without = (...names: readonly string[]) => leastRights.filter((one) => !names.includes(one));
const optionalCommands = ["+info", "+config|get", "+bgrewriteaof"];

const cases: readonly (readonly [
  name: string,
  url: () => Promise<string>,
  error: string,
  code: RegExp,
  warning: RegExp,
])[] = [
  [
    "a wrong password",
    async () => at(":wrong@"),
    "wrong_credentials",
    /^WRONGPASS$/,
    /refuses the credentials/,
  ],
  ["no password", async () => at(""), "wrong_credentials", /^NOAUTH$/, /refuses the credentials/],
  ["nobody there", async () => "redis://127.0.0.1:1", "refused", /^ECONNREFUSED$/, /Nothing listens/],
  [
    "an unknown host",
    async () => "redis://no-such-host.invalid",
    "unknown_host",
    /^(ENOTFOUND|EAI_AGAIN)$/,
    /not known here/,
  ],
  [
    "a database that is not there",
    async () => at(`:${password}@`, "/99"),
    "other",
    /^ERR DB index is out of range$/,
    /no database of the number/,
  ],
  [
    "a cluster",
    async () => (await serverFor({ cluster: true })).url,
    "other",
    /^CLUSTERDOWN$/,
    /runs as a cluster/,
  ],
  [
    "a cluster, and a database",
    async () => `${(await serverFor({ cluster: true })).url}/1`,
    "other",
    /^ERR SELECT is not allowed in cluster mode$/,
    /runs as a cluster/,
  ],
  [
    "TLS on a plain port",
    async () => `rediss://127.0.0.1:${main?.port}`,
    "timeout",
    /^GREETING$/,
    /is it TLS/,
  ],
  [
    "one that loads its data",
    () => parrot("-LOADING Redis is loading the dataset in memory"),
    "other",
    /^LOADING$/,
    /still reading/,
  ],
  [
    "one whose disk is full",
    () => parrot("-MISCONF Errors writing to the AOF file: No space left on device"),
    "full",
    /^MISCONF$/,
    /Redis is full/,
  ],
  [
    "a replica",
    async () => {
      const { url } = await serverFor({});
      const client = redisClient(url);
      await client.command("REPLICAOF", "127.0.0.1", "1");
      client.close();
      return url;
    },
    "read_only",
    /^READONLY$/,
    /takes no writes/,
  ],
  [
    "a user without scripts",
    () => userWith(...without("+evalsha")),
    "wrong_credentials",
    /^NOPERM EVALSHA$/,
    /lacks rights that the service needs \(NOPERM EVALSHA\)/,
  ],
  [
    "a user who may run a script, and not load it",
    () => userWith(...without("+script|load")),
    "wrong_credentials",
    /^NOPERM SCRIPT\|LOAD$/,
    /lacks rights/,
  ],
  [
    "a user who may not do all that the script does",
    () => userWith(...without("+hdel", "+zrem")),
    "wrong_credentials",
    /^NOPERM HDEL ZREM$/,
    /lacks rights that the service needs \(NOPERM HDEL ZREM\)/,
  ],
  [
    "a user without channels",
    () => userWith("~*", "resetchannels", "+@all"),
    "wrong_credentials",
    /^NOPERM PUBLISH$/,
    /lacks rights/,
  ],
  [
    "a user who may not listen",
    () => userWith("~*", "&*", "+@all", "-subscribe"),
    "wrong_credentials",
    /^NOPERM SUBSCRIBE$/,
    /lacks rights/,
  ],
  [
    "a user without our keys",
    () => userWith("~other:*", "&*", "+@all"),
    "wrong_credentials",
    /^NOPERM/,
    /lacks rights/,
  ],
];

describe.skipIf(isMissing)("a Redis that says no", () => {
  it.each(cases)(
    "%s: is named in health and once in the log, and the service keeps tickets by itself",
    async (...given) => {
      const [, url, error, code, warning] = given;
      const { parts, redis, lines, warnings } = await storesAt(await url());
      await vi.waitFor(
        async () => expect(await redis()).toMatchObject({ status: "down", error, needed: false }),
        {
          timeout: 40_000,
          interval: 50,
        },
      );
      expect(warnings()).toEqual([expect.stringMatching(warning)]);
      await kept(parts.tickets, draftOf());
      // It is looked for each second.
      await pause(1_200);
      expect(lines.filter(({ event }) => event !== "store_warnings")).toEqual([
        {
          level: "warn",
          event: "store_away",
          store: "redis",
          failure: error,
          failure_code: expect.stringMatching(code) as string,
        },
      ]);
    },
  );
});

describe.skipIf(isMissing)("a Redis whose memory is full", () => {
  it("is not away: it says so, what is new waits in SQLite, what is there is judged, also by who connects then", async () => {
    await admin.command("FLUSHALL");
    const waiting = draftOf();
    const before = await storesAt(at(`:${password}@`), false);
    await vi.waitFor(async () => expect(await before.redis()).toMatchObject({ status: "up" }), 40_000);
    await before.parts.tickets.create(waiting);
    await before.end();
    await admin.command("CONFIG", "SET", "maxmemory", "1");
    onTestFinished(async () => void (await admin.command("CONFIG", "SET", "maxmemory", "0")));

    const { parts, redis, lines, warnings, start } = await storesAt(at(`:${password}@`), false);
    await vi.waitFor(
      async () => expect(await redis()).toMatchObject({ status: "down", error: "full", needed: false }),
      40_000,
    );
    expect(warnings()).toEqual(expect.arrayContaining([expect.stringMatching(/^Redis is full \(OOM\)/)]));
    const elsewhere = await kept(parts.tickets, draftOf());
    expect(markedAtMs(elsewhere.about.id)).not.toBeNull();
    start(async ({ ticket, fence }) => {
      const failure = { reason: "request_refused", status: 400, vendorSays: "no" } as const;
      const spent = { calls: 1, costUsd: null };
      await parts.tickets.settle(ticket.about.id, fence, { kind: "failed", failure, spent });
    });
    await vi.waitFor(async () => {
      expect((await parts.tickets.load(waiting.about.id))?.state.status).toBe("failed");
      expect((await parts.tickets.load(elsewhere.about.id))?.state.status).toBe("failed");
    }, 40_000);

    await admin.command("CONFIG", "SET", "maxmemory", "0");
    await vi.waitFor(async () => expect(await redis()).toMatchObject({ status: "up" }), 40_000);
    const told = lines.map(({ event }) => event).filter((event) => event.startsWith("store_"));
    expect(told.filter((event) => event !== "store_warnings")).toEqual(["store_refuses", "store_accepts"]);
    expect(lines.find(({ event }) => event === "store_refuses")).toMatchObject({
      store: "redis",
      failure: "full",
      failure_code: "OOM",
    });
  });
});

describe.skipIf(isMissing)("a Redis' user with the least rights", () => {
  it.each([
    ["that the service needs", [], ""],
    ["and those that it can do without", optionalCommands, ""],
    ["and another database", ["+select"], "/1"],
  ])("%s, works as everybody", async (_, more, database) => {
    const { parts, redis, lines } = await storesAt(`${await userWith(...leastRights, ...more)}${database}`);
    await vi.waitFor(async () => expect(await redis()).toMatchObject({ status: "up" }), 40_000);
    const { id } = (await kept(parts.tickets, draftOf())).about;
    await vi.waitFor(
      async () => expect((await parts.tickets.load(id))?.state.status).not.toBe("queued"),
      40_000,
    );
    await parts.keys.begin("0f", "hash", crypto.randomUUID(), 1_000);
    parts.totals.add("one", "2026-11-22", 1, 0.5);
    expect(lines.filter(({ event }) => event !== "store_warnings")).toEqual([]);
  });
});
