/**
 * What is still to be sent to the bus, in Redis. Of the processes that share it one sends at a time: it has a lease, prolongs that until it has
 * sent all, and where it dies another goes on when the lease is over. What two send at once for a moment comes twice, each in its order.
 */
import type { TicketPolicy } from "../../domain/ticket/ticket.ts";
import { decodedTicket } from "../../engine/ticket-codec.ts";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import type { RenderForBus } from "../../push/bus.ts";
import type { Outbox, OutboxEntry, Taken } from "../../push/outbox.ts";
import type { ScriptRunner } from "../../stores/redis/script-runner.ts";
import type { BusEntry } from "../../stores/redis/script/calls.ts";

export interface RedisOutboxParts {
  readonly script: Pick<ScriptRunner, "call" | "nowMs">;
  readonly policy: TicketPolicy;
  readonly render: RenderForBus;
  readonly clock: Clock;
  /** Hears of a record that holds no ticket. */
  readonly onFault: (error: unknown, ticketId?: string) => void;
  /** Names this process: a UUID. */
  readonly relay: string;
  /** Events of which the oldest go unsent when there are more: Redis' memory is for tickets. */
  readonly mostKept?: number;
}

/** A process that has died is waited for so long. */
const leaseMs = 20_000;
const prolongMs = 5_000;
/** Removed in one go. */
const mostRemoved = 1_000;

export function redisOutbox(parts: RedisOutboxParts): Outbox {
  const { script, policy, render, relay, onFault, mostKept = 1_000_000 } = parts;
  const lease = createLease(parts);

  /** `withdrawn`: its ticket is gone, and of that another entry tells. `dropped`: nobody will hear of it. */
  function entryOf(key: string, record: string): OutboxEntry | "withdrawn" | "dropped" {
    const stored = JSON.parse(key) as BusEntry;
    const known = stored.record ?? record;
    if (stored.at + policy.retentionMs <= script.nowMs()) return "dropped";
    if (known === "") return "withdrawn";
    try {
      return { key, event: render(decodedTicket(known, null), stored.event) };
    } catch (error) {
      // Newer code wrote it, and can send it.
      if (error instanceof StoreAway) throw error;
      onFault(error, stored.id);
      return "dropped";
    }
  }

  async function remove(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += mostRemoved)
      await script.call({ verb: "bus_sent", entries: keys.slice(at, at + mostRemoved) });
  }

  /** `null`: another process sends. */
  async function takeNow(most: number): Promise<Stored | null> {
    const asked = { verb: "bus_take", relay, most, leaseMs } as const;
    const [waiting = "held", ...rest] = (await script.call(asked)) as readonly string[];
    if (waiting === "held") return null;
    const keys = rest.filter((_, at) => at % 2 === 0);
    return {
      waiting: Number(waiting),
      stored: keys.map((key, at) => ({ key, record: rest[2 * at + 1] ?? "" })),
    };
  }

  async function take(most: number): Promise<Taken | null> {
    let dropped = 0;
    for (;;) {
      const taken = await takeNow(most);
      if (taken === null) return null;
      lease.prolong();
      const { waiting, stored } = taken;
      const isTooMuch = waiting > mostKept;
      const found = stored.map(({ key, record }) => ({
        key,
        entry: isTooMuch ? "dropped" : entryOf(key, record),
      }));
      const gone = found.filter(({ entry }) => typeof entry === "string");
      await remove(gone.map(({ key }) => key));
      dropped += gone.filter(({ entry }) => entry === "dropped").length;
      const entries = found.map(({ entry }) => entry).filter((entry) => typeof entry !== "string");
      if (entries.length > 0 || stored.length === 0)
        return { entries, waiting: waiting - gone.length, dropped };
    }
  }

  return {
    take,
    sent: (entries) => remove(entries.map(({ key }) => key)),
    release: lease.release,
  };
}

interface Stored {
  readonly waiting: number;
  /** `record`: the ticket's, as JSON; empty: there is none. */
  readonly stored: readonly { readonly key: string; readonly record: string }[];
}

/** Prolonged by itself until it is given up. */
function createLease({ script, clock, relay }: RedisOutboxParts) {
  let cancel: (() => void) | null = null;

  function prolong(): void {
    cancel?.();
    cancel = clock.after(prolongMs, () => {
      prolong();
      // Where Redis is away, the lease is not the matter.
      script.call({ verb: "bus_take", relay, most: 0, leaseMs }).catch(ignore);
    });
  }

  return {
    prolong,
    async release(): Promise<void> {
      cancel?.();
      cancel = null;
      await script.call({ verb: "bus_release", relay }).catch(ignore);
    },
  };
}

/** @throws what is a bug */
function ignore(error: unknown): void {
  if (!(error instanceof StoreAway)) throw error;
}
