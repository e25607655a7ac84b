/** One connection to Redis that is made anew whenever it is lost or hangs. Every call has its time limit. */
import { createClient } from "@redis/client";
import { inTime } from "../../gateway/deadline.ts";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { NotDone } from "../../stores/failover/primary-store.ts";

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
  return { url, RESP: 2, socket: { connectTimeout: 1_000, reconnectStrategy: 250 } } as const;
}

/** @param limitMs of a call */
export function lastingClient(url: string, clock: Clock, limitMs: number): LastingClient {
  /** A process that was busy itself must not take Redis for slow: timers run before what has arrived is read. */
  const limits: Pick<Clock, "after"> = {
    after: (delayMs, then) => clock.after(delayMs, () => void setImmediate(then)),
  };
  const readyHeard: (() => void)[] = [];
  const trips = momentsCounted();
  let isClosed = false;
  /** Calls under way, and since when none has been answered. */
  let open = 0;
  let silentSinceMs = clock.nowMs();
  /** Since when the connection is there, but Redis has not greeted back. */
  let greetingSinceMs: number | null = null;
  let client = connect();

  function connect() {
    const made = createClient({ ...connectionTo(url), disableOfflineQueue: true });
    made.on("connect", () => {
      greetingSinceMs = clock.nowMs();
    });
    // Each call hears of an error by itself.
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

  async function send(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    if (!client.isReady) {
      // The greeting has no time limit of its own: where it was lost, the connection would never become one.
      if (greetingSinceMs !== null && hangsSince(greetingSinceMs)) renew();
      throw new NotDone("not_connected", "Redis is not connected");
    }
    trips.note();
    if (open === 0) silentSinceMs = clock.nowMs();
    open++;
    const using = client;
    const replies = commands.map((command) =>
      using.sendCommand([...command]).finally(() => {
        silentSinceMs = clock.nowMs();
      }),
    );
    const all = Promise.all(replies).finally(() => open--);
    const answered = await inTime(limits, limitMs, all);
    if (answered !== undefined) return answered;
    if (hangsSince(silentSinceMs)) renew();
    throw new StoreAway("Redis has not answered in time");
  }

  function hangsSince(sinceMs: number): boolean {
    return clock.nowMs() - sinceMs >= hangMs;
  }

  function renew(): void {
    if (isClosed) return;
    greetingSinceMs = null;
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
