/** Redis over its own protocol: every call has its time limit, and a connection that hangs is given up for a new one. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { root, type Redis } from "../../stores/redis/redis.ts";
import { NotDone } from "../../stores/failover/shared-store.ts";

export interface RedisConnection extends Redis {
  /** From now on every call that may change something is answered when that is on Redis' disk, or no longer. Redis 7.2 and later. */
  awaitDisk(isNeeded: boolean): void;
  /**
   * Hears what is published on the channel, and whenever it hears (again): something may have been missed.
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

const text = readFileSync(join(import.meta.dirname, "../../stores/redis/script/compiled.lua"), "utf8");
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
  /** Since when the connection is there, but Redis has not greeted back. */
  let greetingSinceMs: number | null = null;
  const readyHeard: (() => void)[] = [];
  const loads = new Map<string, Promise<unknown>>();
  let client = connect();

  function connect() {
    const made = createClient({ ...common, disableOfflineQueue: true });
    made.on("connect", () => {
      greetingSinceMs = clock.nowMs();
    });
    // Each call hears of it by itself.
    made.on("error", () => {
      greetingSinceMs = null;
    });
    made.on("ready", () => {
      greetingSinceMs = null;
      for (const tell of readyHeard) tell();
    });
    made.connect().catch(() => {});
    return made;
  }

  /** Each in a command of its own, sent together. */
  async function send(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    if (!client.isReady) {
      // The greeting has no time limit of its own: where it was lost, the connection would never become one.
      if (greetingSinceMs !== null && clock.nowMs() - greetingSinceMs >= hangMs) renew();
      throw new NotDone("not_connected", "Redis is not connected");
    }
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
      const giveUp = () => {
        reject(new StoreAway("Redis has not answered in time"));
        if (clock.nowMs() - silentSinceMs >= hangMs) renew();
      };
      // Timers run before what has arrived is read: a process that was busy itself must not take Redis for slow.
      const cancel = clock.after(limitMs, () => void setImmediate(giveUp));
      work.finally(cancel).then(resolve, reject);
    });
  }

  function renew(): void {
    if (isClosed) return;
    greetingSinceMs = null;
    // All that is under way on it fails, and so is no longer open.
    client.destroy();
    client = connect();
  }

  async function ask(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    try {
      return await send(commands);
    } catch (error) {
      throw error instanceof StoreAway || isMissing(error) ? error : awayBy(error);
    }
  }

  /** Once, however many calls find out at once that it is missing: it is long. */
  function load({ sha1, source }: Script): Promise<unknown> {
    const known = loads.get(sha1);
    if (known !== undefined) return known;
    const load = ask([["SCRIPT", "LOAD", source]]).finally(() => loads.delete(sha1));
    loads.set(sha1, load);
    return load;
  }

  return {
    async run(call, texts, needsRoom) {
      const script = needsRoom ? needingRoom : makingRoom;
      const disk = waitsForDisk ? [["WAITAOF", "1", "0", String(limitMs)]] : [];
      const commands = [["EVALSHA", script.sha1, "1", root, call, ...texts], ...disk];
      const replies = await ask(commands).catch((error: unknown) => {
        // It has been restarted, or flushed, or is new.
        if (isMissing(error)) return load(script).then(() => ask(commands));
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

    awaitDisk(isNeeded) {
      waitsForDisk = isNeeded;
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
        // The first time it is ready before it hears.
        .then(onReady)
        .catch(() => {});
      return () => listener.destroy();
    },
    close() {
      isClosed = true;
      client.destroy();
    },
  };
}

type Script = ReturnType<typeof scriptOf>;

function scriptOf(source: string) {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

function isMissing(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** What Redis says before it has begun: that there is no room for more, that it may not write, that it can't serve now. */
function awayBy(cause: unknown): StoreAway {
  const message = messageOf(cause);
  if (/^(?:OOM|READONLY|MISCONF|NOREPLICAS|NOPERM) /.test(message))
    return new NotDone("refused", message, { cause });
  if (/^(?:LOADING|MASTERDOWN|NOAUTH|BUSY) /.test(message))
    return new NotDone("not_connected", message, { cause });
  return new StoreAway(message, { cause });
}

/** Redis' own words hold no key and no text of ours: but the script's, which name a line of it. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Redis failed";
}
