/** Redis over its own protocol: every call has its time limit, and a connection that hangs is given up for a new one. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { StoreAway, type Clock } from "../gateway/ports.ts";
import { root, type Redis } from "../stores/redis/redis.ts";

export interface RedisConnection extends Redis {
  /** From now on every call that may change something is answered when that is on Redis' disk. Redis 7.2 and later. */
  awaitDisk(): void;
  /**
   * Hears what is published on the channel, and whenever the connection for it is there (again): something may have been missed.
   *
   * @returns what ends it
   */
  listen(channel: string, onMessage: (message: string) => void, onReady: () => void): () => void;
  /** Hears each time that a connection is made. */
  onReady(then: () => void): void;
  /** Waits of calls for Redis since the start: what was sent in one moment counts once. */
  roundTrips(): number;
  close(): void;
}

/** The longest that a call may take, also where Redis waits for its disk. */
const callMs = 300;
/** Of a connection on which nothing is answered, until a new one is made. */
const hangMs = 1_500;
const reconnectMs = 250;

const text = readFileSync(join(import.meta.dirname, "../stores/redis/script.lua"), "utf8");
const needingRoom = scriptOf(text);
/** A script that says so may write where Redis' memory is full. https://redis.io/docs/latest/develop/programmability/eval-intro/ */
const makingRoom = scriptOf(`#!lua flags=allow-oom\n${text}`);

/** Connects by itself, and again whenever the connection is lost. @param limitMs of a call */
export function redisTransport(url: string, clock: Clock, limitMs = callMs): RedisConnection {
  const common = { url, RESP: 2, socket: { connectTimeout: 1_000, reconnectStrategy: reconnectMs } } as const;
  let waitsForDisk = false;
  let trips = 0;
  let isLeaving = false;
  let isClosed = false;
  /** Calls under way, and since when none has been answered. */
  let open = 0;
  let silentSinceMs = clock.nowMs();
  const readyHeard: (() => void)[] = [];
  let client = connect();

  function connect() {
    const made = createClient({ ...common, disableOfflineQueue: true });
    // Each call hears of it by itself.
    made.on("error", () => {});
    made.on("ready", () => {
      for (const tell of readyHeard) tell();
    });
    made.connect().catch(() => {});
    return made;
  }

  /** Each in a command of its own, sent together. */
  async function send(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    if (!client.isReady) throw new StoreAway("Redis is not connected");
    noteTrip();
    if (open === 0) silentSinceMs = clock.nowMs();
    open++;
    const using = client;
    const replies = Promise.all(
      commands.map((command) =>
        using.sendCommand([...command]).finally(() => {
          silentSinceMs = clock.nowMs();
        }),
      ),
    ).finally(() => open--);
    return await inTime(replies);
  }

  /** Whatever is sent in one turn of the event loop goes and comes back together. */
  function noteTrip(): void {
    if (isLeaving) return;
    isLeaving = true;
    trips++;
    setImmediate(() => {
      isLeaving = false;
    });
  }

  function inTime<Reply>(work: Promise<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(limitMs, () => {
        reject(new StoreAway("Redis has not answered in time"));
        if (clock.nowMs() - silentSinceMs >= hangMs) renew();
      });
      work.finally(cancel).then(resolve, reject);
    });
  }

  function renew(): void {
    if (isClosed) return;
    client.destroy();
    client = connect();
    open = 0;
  }

  async function ask(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    try {
      return await send(commands);
    } catch (error) {
      throw error instanceof StoreAway || isMissing(error)
        ? error
        : new StoreAway(messageOf(error), { cause: error });
    }
  }

  return {
    async run(call, texts, needsRoom) {
      const { sha1, source } = needsRoom ? needingRoom : makingRoom;
      const args = ["1", root, call, ...texts];
      const disk = waitsForDisk ? [["WAITAOF", "1", "0", String(limitMs)]] : [];
      const replies = await ask([["EVALSHA", sha1, ...args], ...disk]).catch((error: unknown) => {
        // It has been restarted, or flushed, or is new: the script comes along once.
        if (isMissing(error)) return ask([["EVAL", source, ...args], ...disk]);
        throw error;
      });
      const [reply, synced] = replies as readonly [unknown, readonly number[] | undefined];
      if (synced !== undefined && (synced[0] ?? 0) < 1)
        throw new StoreAway("Redis has not reached its disk in time");
      return reply as readonly unknown[];
    },

    async command(...command) {
      const [reply] = await ask([command]);
      return reply;
    },

    awaitDisk() {
      waitsForDisk = true;
    },
    roundTrips: () => trips,
    onReady(then) {
      readyHeard.push(then);
      if (client.isReady) then();
    },

    listen(channel, onMessage, onReady) {
      const listener = createClient({
        ...common,
        // Nothing is asked on this one: a dead connection would not be noticed.
        pingInterval: 5_000,
        socket: { ...common.socket, socketTimeout: 12_000 },
      });
      listener.on("error", () => {});
      listener.on("ready", onReady);
      listener
        .connect()
        .then(() => listener.subscribe(channel, onMessage))
        .catch(() => {});
      return () => listener.destroy();
    },
    close() {
      isClosed = true;
      client.destroy();
    },
  };
}

function scriptOf(source: string) {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

function isMissing(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** Redis' own words hold no key and no text of ours: but the script's, which name a line of it. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Redis failed";
}
