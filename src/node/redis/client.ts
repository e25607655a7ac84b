/** One connection to Redis that is made anew whenever it is lost or hangs. Every call has its time limit. */
import { createClient } from "@redis/client";
import { inTime } from "../../gateway/deadline.ts";
import { noAnswer, StoreAway, type Clock, type StoreTrouble } from "../../gateway/ports.ts";
import { NotDone } from "../../stores/failover/primary-store.ts";
import { troubleOf } from "../../stores/redis/trouble.ts";
import { ownTime } from "./own-time.ts";

export interface LastingClient {
  /**
   * Each command by itself, sent together.
   *
   * @throws {NotDone} nothing was sent. @throws {StoreAway} not answered in time. Besides, whatever Redis says
   */
  send(commands: readonly (readonly string[])[]): Promise<readonly unknown[]>;
  /** Hears each time that a connection is made. */
  onReady(then: () => void): void;
  /** Waits of calls for Redis since the start: what was sent in one moment counts once. */
  roundTrips(): number;
  close(): void;
}

/** Of a connection on which nothing is answered, until a new one is made. */
const hangMs = 1_500;

export function connectionTo(url: string) {
  return { url, RESP: 2, socket: { connectTimeout: 700, reconnectStrategy: 250 } } as const;
}

/** @param limitMs of a call */
export function lastingClient(url: string, clock: Clock, limitMs: number): LastingClient {
  const limits = ownTime(clock);
  const readyHeard: (() => void)[] = [];
  const trips = momentsCounted();
  let isClosed = false;
  /** Calls under way, and since when none has been answered. */
  let open = 0;
  let silentSinceMs = clock.monotonicMs();
  const making = makingOf(url, clock);
  let client = connect();

  function connect() {
    making.begins();
    return clientAt(url, {
      ...making,
      onReady() {
        making.onReady();
        for (const tell of readyHeard) tell();
      },
    });
  }

  async function send(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    if (!client.isReady) {
      const trouble = making.trouble();
      if (making.hangs()) renew();
      throw new NotDone("not_connected", "Redis is not connected", trouble === null ? {} : { trouble });
    }
    trips.note();
    const sentAtMs = clock.monotonicMs();
    if (open === 0) silentSinceMs = sentAtMs;
    open++;
    const using = client;
    const replies = commands.map((command) =>
      using.sendCommand([...command]).finally(() => {
        silentSinceMs = clock.monotonicMs();
      }),
    );
    const all = Promise.all(replies).finally(() => open--);
    const answered = await inTime(limits, limitMs, all);
    if (answered !== undefined) return answered;
    // Neither is a connection dead on which we could not have read an answer.
    const lateMs = Math.max(0, clock.monotonicMs() - sentAtMs - limitMs);
    if (hangsSince(silentSinceMs + lateMs)) renew();
    throw new StoreAway("Redis has not answered in time", { trouble: noAnswer });
  }

  function hangsSince(sinceMs: number): boolean {
    return clock.monotonicMs() - sinceMs >= hangMs;
  }

  function renew(): void {
    if (isClosed) return;
    // All that is under way on the old connection fails, and so is no longer open.
    client.destroy();
    client = connect();
  }

  return {
    send,
    onReady(then) {
      readyHeard.push(then);
      if (client.isReady) then();
    },
    roundTrips: trips.count,
    close() {
      isClosed = true;
      client.destroy();
    },
  };
}

/** Connects by itself, and again and again. */
function clientAt(
  url: string,
  heard: {
    readonly onConnect: () => void;
    readonly onError: (error: unknown) => void;
    readonly onReady: () => void;
  },
) {
  const client = createClient({ ...connectionTo(url), disableOfflineQueue: true });
  client.on("connect", heard.onConnect);
  client.on("error", heard.onError);
  client.on("ready", heard.onReady);
  client.connect().catch(() => {});
  return client;
}

/** How the making of a connection goes. */
function makingOf(url: string, clock: Clock) {
  /** Since when the connection is there, but Redis has not greeted back. */
  let greetingSinceMs: number | null = null;
  /** Why it could not be made, or was lost; `null`: it is there, or nothing is known yet. */
  let trouble: StoreTrouble | null = null;

  /** The greeting has no time limit of its own: where it was lost, the connection would never become one. */
  function hangs(): boolean {
    const doesHang = greetingSinceMs !== null && clock.monotonicMs() - greetingSinceMs >= hangMs;
    if (doesHang) trouble = noGreeting;
    return doesHang;
  }

  return {
    trouble: () => trouble,
    hangs,
    begins() {
      greetingSinceMs = null;
    },
    onConnect() {
      greetingSinceMs = clock.monotonicMs();
    },
    onError(error: unknown) {
      greetingSinceMs = null;
      trouble = connectionTrouble(error, url);
    },
    onReady() {
      greetingSinceMs = null;
      trouble = null;
    },
  };
}

/** Something listens, but does not speak as it should: TLS on a plain port, or the other way round. */
const noGreeting: StoreTrouble = { error: "timeout", code: "GREETING" };

function connectionTrouble(error: unknown, url: string): StoreTrouble {
  const name = error instanceof Error ? error.constructor.name : "";
  switch (name) {
    // Of a handshake of TLS that never ends; a host that does not answer at all looks the same.
    case "ConnectionTimeoutError":
      return url.startsWith("rediss:") ? noGreeting : noAnswer;
    case "SocketClosedUnexpectedlyError":
      return { error: "other", code: "CLOSED" };
    default:
      return troubleOf(error);
  }
}

/** Whatever is sent in one turn of the event loop goes and comes back together. */
function momentsCounted() {
  let count = 0;
  let isNoted = false;
  return {
    note(): void {
      if (isNoted) return;
      isNoted = true;
      count++;
      setImmediate(() => {
        isNoted = false;
      });
    },
    count: () => count,
  };
}
