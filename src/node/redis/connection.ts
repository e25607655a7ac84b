/** Redis over its own protocol: our script, single commands, and what Redis publishes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { noAnswer, StoreAway, type Clock, type StoreTrouble } from "../../gateway/ports.ts";
import { root, type Redis } from "../../stores/redis/redis.ts";
import { awayBy, troubleOf } from "../../stores/redis/trouble.ts";
import { connectionTo, lastingClient, type LastingClient } from "./client.ts";

export interface RedisConnection extends Redis, Pick<LastingClient, "onReady" | "roundTrips" | "close"> {
  /** From now on every call that may change something is answered when that is on Redis' disk, or no longer. Redis 7.2 and later. */
  awaitDisk(isNeeded: boolean): void;
  /** Runs each command by itself. @returns the names of those that our user may not run. @throws {StoreAway} */
  denied(commands: readonly (readonly string[])[]): Promise<readonly string[]>;
  /**
   * Hears what is published on the channel, and whenever it hears (again): something may have been missed.
   *
   * @returns what ends it
   */
  listen(channel: string, onMessage: (message: string) => void, onReady: () => void): Listening;
}

interface Listening {
  /** Why Redis does not let us hear; `null`: it does, as far as is known. */
  trouble(): StoreTrouble | null;
  stop(): void;
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
      throw error instanceof StoreAway || isMissing(error) ? error : awayBy(error, messageOf(error));
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
        throw new StoreAway("Redis has not reached its disk in time", { trouble: noAnswer });
      return reply as readonly unknown[];
    },

    async command(...command) {
      const [reply] = await ask([command]);
      return reply;
    },

    async denied(commands) {
      const tried = await Promise.allSettled(commands.map((command) => ask([command])));
      return tried.flatMap((one, at) => {
        // Where memory is full, rights were looked at before.
        if (one.status === "fulfilled" || codeOf(one.reason) === "OOM") return [];
        if (codeOf(one.reason)?.startsWith("NOPERM") !== true) throw one.reason;
        return [commands[at]?.[0] ?? ""];
      });
    },

    awaitDisk(isNeeded) {
      waitsForDisk = isNeeded;
    },
    roundTrips: client.roundTrips,
    onReady: client.onReady,
    listen: (channel, onMessage, onReady) => listenTo(url, clock, { channel, onMessage, onReady }),
    close: client.close,
  };
}

/** Between two tries to hear where Redis does not let us. */
const hearAgainMs = 1_000;

/** On a connection of its own: one that listens can ask nothing. */
function listenTo(
  url: string,
  clock: Clock,
  heard: {
    readonly channel: string;
    readonly onMessage: (message: string) => void;
    readonly onReady: () => void;
  },
): Listening {
  const { channel, onMessage, onReady } = heard;
  const common = connectionTo(url);
  const listener = createClient({
    ...common,
    // Nothing is asked here, so a dead connection would not be noticed.
    pingInterval: 5_000,
    socket: { ...common.socket, socketTimeout: 12_000 },
  });
  let trouble: StoreTrouble | null = null;
  let cancel: (() => void) | null = null;
  let isStopped = false;

  async function hear(): Promise<void> {
    try {
      await listener.subscribe(channel, onMessage);
      trouble = null;
      // The first time it is ready before it hears.
      onReady();
    } catch (error) {
      if (isStopped) return;
      trouble = troubleOf(error);
      cancel = clock.after(hearAgainMs, () => void hear());
    }
  }

  listener.on("error", () => {});
  listener.on("ready", onReady);
  listener.connect().then(hear, () => {});
  return {
    trouble: () => trouble,
    stop() {
      isStopped = true;
      cancel?.();
      listener.destroy();
    },
  };
}

type Script = ReturnType<typeof scriptOf>;

function scriptOf(source: string) {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}

function codeOf(error: unknown): string | null {
  return error instanceof StoreAway ? (error.trouble?.code ?? null) : null;
}

function isMissing(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** Redis' own words hold no key and no text of ours: but the script's, which name a line of it. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "Redis failed";
}
