/** Redis over its own protocol: our script, single commands, and what Redis publishes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { root, type Redis } from "../../stores/redis/redis.ts";
import { NotDone } from "../../stores/failover/primary-store.ts";
import { connectionTo, lastingClient, type LastingClient } from "./client.ts";

export interface RedisConnection extends Redis, Pick<LastingClient, "onReady" | "roundTrips" | "close"> {
  /** From now on every call that may change something is answered when that is on Redis' disk, or no longer. Redis 7.2 and later. */
  awaitDisk(isNeeded: boolean): void;
  /**
   * Hears what is published on the channel, and whenever it hears (again): something may have been missed.
   *
   * @returns what ends it
   */
  listen(channel: string, onMessage: (message: string) => void, onReady: () => void): () => void;
}

/** The longest that a call may take, also where Redis waits for its disk. */
const callMs = 300;

const text = readFileSync(join(import.meta.dirname, "../../stores/redis/script/compiled.lua"), "utf8");
const needingRoom = scriptOf(text);
/** A script that says so may write where Redis' memory is full. https://redis.io/docs/latest/develop/programmability/eval-intro/ */
const makingRoom = scriptOf(`#!lua flags=allow-oom\n${text}`);

/** Connects by itself, and again whenever the connection is lost. @param limitMs of a call */
export function redisTransport(url: string, clock: Clock, limitMs = callMs): RedisConnection {
  const client = lastingClient(url, clock, limitMs);
  const loads = new Map<string, Promise<unknown>>();
  let waitsForDisk = false;

  async function ask(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    try {
      return await client.send(commands);
    } catch (error) {
      throw error instanceof StoreAway || isMissing(error) ? error : awayBy(error);
    }
  }

  /** Once, however many calls find out at once that the script is missing: the script is long. */
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
        // Redis has been restarted, or flushed, or is new.
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
    roundTrips: client.roundTrips,
    onReady: client.onReady,
    listen: (channel, onMessage, onReady) => listenTo(url, channel, onMessage, onReady),
    close: client.close,
  };
}

/** On a connection of its own: one that listens can ask nothing. @returns what ends it */
function listenTo(
  url: string,
  channel: string,
  onMessage: (message: string) => void,
  onReady: () => void,
): () => void {
  const common = connectionTo(url);
  const listener = createClient({
    ...common,
    // Nothing is asked here, so a dead connection would not be noticed.
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
