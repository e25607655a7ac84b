/** Where tickets live on Node: in SQLite alone; or in Redis, with SQLite behind it for as long as Redis is away. */
import type { GateOrder, Halt } from "../domain/gate/halt.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import { ticketPolicy } from "../settings/limits.ts";
import { isEnded, type Ticket } from "../domain/ticket/ticket.ts";
import { ok, type Result } from "../domain/result.ts";
import { wait } from "../gateway/deadline.ts";
import { StoreAway, type Clock, type Door, type StoreTrouble } from "../gateway/ports.ts";
import type { DeliveryStore } from "../gateway/delivery-store.ts";
import type { StoreParts as ServiceParts } from "../service.ts";
import { createFailover } from "../stores/failover/failover.ts";
import type { LocalHealth } from "../stores/failover/fallback-store.ts";
import type { PrimaryStore } from "../stores/failover/primary-store.ts";
import { troubleInWords } from "../stores/redis/trouble.ts";
import type { Hints } from "../push/hub.ts";
import type { Tell } from "../telemetry/events.ts";
import type { Bus, RenderForBus } from "../push/bus.ts";
import type { Outbox } from "../push/outbox.ts";
import { createRelay, type Relay } from "../push/relay.ts";
import { openSqlite, type SqliteStore, type SqliteParts } from "./sqlite/store.ts";

export interface StoresParts extends Omit<SqliteParts, "onMoved" | "bus"> {
  /** `null`: SQLite alone. */
  readonly redisUrl: string | null;
  /** Hears of a ticket that was cancelled at another process, while this one may be making its call. */
  readonly onCancelled: (ticketId: string) => void;
  /** Hears what has happened to tickets, at this process; and at others, while somebody waits for that (`wantsMoves`). */
  readonly hints: Hints;
  /** Hears of every ticket. Absent, or `null`: there is none. */
  readonly bus?: { readonly bus: Bus; readonly render: RenderForBus } | null;
}

export interface Stores extends Door {
  /** `null`: nobody is told of ends from here. */
  readonly deliveries: DeliveryStore | null;
  /** What the service is made of. */
  readonly parts: Pick<
    ServiceParts,
    "gate" | "tickets" | "keys" | "totals" | "actions" | "feed" | "queueType" | "dependencies" | "warnings"
  >;
  /** Somebody waits for what happens to tickets; or nobody does any more. */
  wantsMoves(isWanted: boolean): void;
  /** Gives back what is in flight still, stores what is not stored yet, and closes. */
  close(): Promise<void>;
}

/** @returns why there can be no start, as a sentence for whoever runs the service */
export async function openStores(parts: StoresParts): Promise<Result<Stores, string>> {
  const { redisUrl } = parts;
  const tell: Tell = (event) => {
    // Its gates follow those in Redis (`haltingAsWell`), which tell of it.
    const isHalt = event.kind === "provider_held" || event.kind === "provider_released";
    if (redisUrl === null || !isHalt || event.reason !== "paused") parts.tell(event);
  };
  const relays = createRelays(parts);
  const isWritten = redisUrl === null;
  const bus = parts.bus && { render: parts.bus.render, isWritten, onAdded: () => relays.kick() };
  const onMoved = hintedBy(parts.hints);
  // What only stands in for Redis tells no endpoint: a ticket's end is told from where it moves to.
  const webhooks = isWritten ? parts.webhooks : undefined;
  const opened = await openSqlite({ ...parts, tell, onMoved, webhooks, bus: bus ?? undefined });
  if (!opened.ok) return opened;
  const { outbox } = opened.value;
  // Beside Redis there is only what an earlier life without it has left.
  if (outbox !== null && (isWritten || !outbox.isEmpty())) relays.add(outbox);
  if (redisUrl === null) return ok(withRelays(sqliteAlone(opened.value), relays));
  // Who has no Redis does not load what speaks to it.
  const { openSharedRedis } = await import("./redis/store.ts");
  const onHalt = haltingAsWell(opened.value.gate, parts.onFault);
  const redis = openSharedRedis({ ...parts, url: redisUrl, onHalt, onBusFilled: relays.kick });
  if (redis.outbox !== undefined) relays.add(redis.outbox);
  const { wantsMoves } = redis;
  const stores = await redisBeforeSqlite(redis, opened.value, parts);
  return ok(withRelays({ ...stores, wantsMoves }, relays));
}

function hintedBy(hints: Hints): (ticket: Ticket) => void {
  return ({ about, state }) => {
    hints.ticketMoved(about.id);
    if (isEnded(state)) hints.feedGrew(about.tenant);
  };
}

/** Who brings outboxes to the bus. */
interface Relays extends Pick<Relay, "kick" | "warnings" | "stop"> {
  add(outbox: Outbox): void;
}

function createRelays({ bus = null, clock, tell, onFault }: StoresParts): Relays {
  const relays: Relay[] = [];
  return {
    add(outbox) {
      if (bus !== null) relays.push(createRelay({ outbox, bus: bus.bus, clock, tell, onFault }));
    },
    kick: () => relays.forEach((relay) => relay.kick()),
    warnings: () => relays.flatMap((relay) => relay.warnings()),
    stop: async () => void (await Promise.all(relays.map((relay) => relay.stop()))),
  };
}

function withRelays(stores: Stores, relays: Relays): Stores {
  const { warnings = noWarnings } = stores.parts;
  return {
    ...stores,
    parts: { ...stores.parts, warnings: () => [...warnings(), ...relays.warnings()] },
    async close() {
      await relays.stop();
      await stores.close();
    },
  };
}

const noWarnings = () => [];

/** What an operator has halted in Redis stands still here too, for as long as Redis is away, and over a restart meanwhile. */
function haltingAsWell(
  gate: SqliteStore["gate"],
  onFault: StoresParts["onFault"],
): (provider: ProviderName, halt: Halt | null) => void {
  const ordered = new Map<ProviderName, string | null>();
  return (provider, halt) => {
    const by = halt?.by ?? null;
    if (ordered.get(provider) === by) return;
    ordered.set(provider, by);
    const order: GateOrder = by === null ? { kind: "resume" } : { kind: "halt", by };
    gate(provider)
      .order(order)
      .catch((error: unknown) => {
        ordered.delete(provider);
        onFault(error);
      });
  };
}

function sqliteAlone(sqlite: SqliteStore): Stores {
  const { gate, tickets, keys, totals, actions, feed } = sqlite;
  const left = sqlite.leftToBring();
  const warnings =
    left === 0
      ? []
      : [`SQLite keeps ${left} things that only Redis can be told: set REDIS_URL until they are there.`];
  return {
    parts: {
      gate,
      tickets,
      keys,
      totals,
      actions,
      feed,
      queueType: "sqlite",
      dependencies: async () => ({ sqlite: sqliteIs(await sqlite.health(), true) }),
      warnings: () => [...warnings, ...sqlite.warnings()],
    },
    deliveries: sqlite.deliveries,
    start: sqlite.start,
    rest: sqlite.rest,
    // All that happens to its tickets happens in this process.
    wantsMoves() {},
    close: sqlite.close,
  };
}

async function redisBeforeSqlite(
  primary: PrimaryStore,
  fallback: SqliteStore,
  { settings, clock, newId, onFault, tell }: StoresParts,
): Promise<Omit<Stores, "wantsMoves">> {
  const failover = createFailover({
    primary,
    fallback,
    policy: ticketPolicy(settings),
    clock,
    newId,
    tell: (event) => tell({ ...event, store: "redis" }),
    onFault,
  });
  const { gate, tickets, keys, totals, actions, feed, warnings, start, rest, close } = failover;
  await connected(primary, clock);
  await failover.look();
  /** Of the last look. */
  let redisWarnings: readonly string[] = [];
  return {
    parts: {
      gate,
      tickets,
      keys,
      totals,
      actions,
      feed,
      warnings: () => [...warnings(), ...redisWarnings, ...fallback.warnings()],
      queueType: "redis",
      async dependencies() {
        const { primary, trouble, fallback } = await failover.health();
        const isUp = primary !== null && trouble === null;
        redisWarnings = isUp ? [] : [troubleInWords(trouble ?? unknownTrouble)];
        const latencyMs = primary === null ? {} : { latencyMs: primary.latencyMs };
        const redis = isUp
          ? ({ status: "up", ...latencyMs, needed: false } as const)
          : ({
              status: "down",
              ...latencyMs,
              error: (trouble ?? unknownTrouble).error,
              needed: false,
            } as const);
        // Where Redis takes tickets in, the file can be done without.
        return { redis, sqlite: sqliteIs(fallback, !isUp) };
      },
    },
    deliveries: failover.deliveries,
    start,
    rest,
    close,
  };
}

const unknownTrouble: StoreTrouble = { error: "other", code: "UNKNOWN" };

/** @param needed without it nothing can be kept */
function sqliteIs({ trouble, latencyMs }: LocalHealth, needed: boolean) {
  return trouble === null
    ? ({ status: "up", latencyMs, needed } as const)
    : ({ status: "down", latencyMs, error: trouble.error, needed } as const);
}

/** The connection takes a moment; a Redis that is away doesn't hold up the start for longer. */
const patienceMs = 1_000;
const lookMs = 20;

async function connected(primary: PrimaryStore, clock: Clock): Promise<void> {
  const untilMs = clock.monotonicMs() + patienceMs;
  while (clock.monotonicMs() < untilMs) {
    try {
      await primary.health();
      return;
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      await wait(clock, lookMs);
    }
  }
}
