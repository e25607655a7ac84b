/** What several processes share through Redis: gates, tickets, keyed requests and totals, and the tickets that this one takes to work on. */
import type { Halt } from "../../domain/gate/halt.ts";
import type { TicketCopy } from "../../domain/ticket/ticket.ts";
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import { createGateFront } from "../../engine/front/front.ts";
import { StoreAway, type Clock, type StoreTrouble } from "../../gateway/ports.ts";
import { redisActions } from "../../stores/redis/actions.ts";
import { redisDeliveries } from "../../stores/redis/deliveries.ts";
import type { ToldEndsParts } from "../../stores/redis/told-ends.ts";
import { createScriptRunner, type ScriptRunner } from "../../stores/redis/script-runner.ts";
import { redisGate, type RedisGate } from "../../stores/redis/gate.ts";
import { redisFeed } from "../../stores/redis/feed.ts";
import { redisKeys } from "../../stores/redis/keys.ts";
import { redisTickets } from "../../stores/redis/tickets.ts";
import { redisTotals } from "../../stores/redis/totals.ts";
import { readMessage, root, wakeChannel } from "../../stores/redis/redis.ts";
import type { PrimaryStore } from "../../stores/failover/primary-store.ts";
import type { Hints } from "../../push/hub.ts";
import type { Tell } from "../../telemetry/events.ts";
import { durabilityOf, type Durability } from "./durability.ts";
import { redisTransport, type RedisConnection } from "./connection.ts";
import type { RenderForBus } from "../../push/bus.ts";
import type { Outbox } from "../../push/outbox.ts";
import { createFetching, type Fetching } from "./fetching.ts";
import { hearMoves } from "./moves.ts";
import { redisOutbox } from "./outbox.ts";
import { createRewriting } from "./rewriting.ts";
import { rightsAt } from "./rights.ts";

export interface RedisParts {
  readonly url: string;
  readonly settings: QueueSettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  /** What the feed says of a ticket that has ended, as JSON. */
  readonly endedEvent: (ticket: TicketCopy) => string;
  /** Hears of work that nobody awaits and that ended badly. */
  readonly onFault: (error: unknown, ticketId?: string) => void;
  /** When a moment's calls of Redis are over, which go together: with the turn of the event loop, unless told. */
  readonly soon?: (send: () => void) => void;
  /** Hears whenever the texts of a ticket were erased. */
  readonly onErased?: () => void;
  /** Hears of a ticket that was cancelled, at whichever process, while a call was made for it. */
  readonly onCancelled?: (ticketId: string) => void;
  /** Hears of tickets, while somebody waits (`wantsMoves`). Absent: nobody does. */
  readonly hints?: Hints;
  /** Hears with each answer of a gate whether an operator has halted it (`null`: none has). Absent: nobody does. */
  readonly onHalt?: (provider: ProviderName, halt: Halt | null) => void;
  /** Hears of gates that change, and of tickets that end. Absent: nobody does. */
  readonly tell?: Tell;
  /** Whom ends of tickets are told. Absent: nobody. */
  readonly webhooks?: ToldEndsParts["webhooks"];
  /** What every ticket is said to; absent, or `null`: nobody. */
  readonly bus?: { readonly render: RenderForBus } | null;
  /** Hears that something waits for the bus now. */
  readonly onBusFilled?: () => void;
}

export interface RedisStore extends PrimaryStore {
  /** Absent: there is no bus. */
  readonly outbox?: Outbox;
  roundTrips(): number;
  /** Somebody waits for what happens to tickets; or nobody does any more. */
  wantsMoves(isWanted: boolean): void;
}

/** As the service has it: what is erased is erased from Redis' append-only file too. */
export function openSharedRedis(parts: Omit<RedisParts, "onErased">): RedisStore {
  const redis = redisTransport(parts.url, parts.clock);
  const rewriting = createRewriting(redis, parts.clock, parts.onFault);
  const store = openRedis({ ...parts, onErased: rewriting.noteErased }, redis);
  return {
    ...store,
    async close() {
      rewriting.stop();
      await store.close();
    },
  };
}

/** Connects by itself: Redis need not be there yet. */
export function openRedis(
  parts: RedisParts,
  redis: RedisConnection = redisTransport(parts.url, parts.clock),
): RedisStore {
  const { settings, clock, random, onFault, tell = tellNobody } = parts;
  const limits = gateLimits(settings);
  const hasBus = (parts.bus ?? null) !== null;

  const script = createScriptRunner({
    redis,
    limits,
    clock,
    random,
    onSchedule(provider, schedule) {
      parts.onHalt?.(provider, schedule.halt ?? null);
      fetching.fetcherOf(provider)?.onSchedule(schedule);
    },
    onChanges: (provider, changes) => changes.forEach((change) => tell({ ...change, provider })),
    soon: parts.soon ?? ((send) => void setImmediate(send)),
    hasBus,
  });
  const policy = ticketPolicy(settings);
  const tickets = redisTickets({ ...parts, redis, script, policy, onEnd: tell });
  const totals = redisTotals(redis, clock);
  const remotes = new Map<ProviderName, RedisGate>(
    providerNames.map((name) => [name, redisGate(script, name)]),
  );
  const fetching = createFetching({
    tickets,
    clock,
    storeNowMs: script.nowMs,
    concurrency: limits.concurrency,
    shortestLeaseMs: settings.llm.requestTimeoutMs,
    onOpen: announcedBy(remotes, unlessAway),
    onFault,
  });
  const settle = (found: Durability) => redis.awaitDisk(found.mustAwaitDisk);
  const hear = hearing(remotes, fetching, parts, unlessAway);
  const listening = redis.listen(wakeChannel, hear, fetching.refresh);
  const moves = hearMoves(redis, clock, parts.hints ?? noHints);
  redis.onReady(() => void durabilityOf(redis).then(settle, unlessAway));

  const mustBeAllowed = rightsAt(redis, listening, () => script.call({ verb: "due", limit: 0, version: 0 }));

  /** That Redis is away is told by whoever asks Redis. */
  function unlessAway(error: unknown): void {
    if (!(error instanceof StoreAway)) onFault(error);
  }

  return {
    gate: gatesOf(remotes, parts),
    tickets,
    keys: redisKeys(script),
    totals,
    actions: redisActions(redis, script, policy.retentionMs),
    feed: redisFeed({ redis, script, policy, endedEvent: parts.endedEvent }),
    ...toldFrom(parts, script),
    start: fetching.start,
    pause: fetching.shut,
    resume: fetching.open,
    async rest() {
      fetching.shut();
      await fetching.idle();
    },
    async close() {
      fetching.shut();
      await totals.flush();
      listening.stop();
      moves.stop();
      redis.close();
    },
    async health() {
      const { found, ...room } = await lookAt(redis, clock, mustBeAllowed);
      settle(found);
      return { ...room, warnings: found.warnings };
    },
    roundTrips: redis.roundTrips,
    wantsMoves: moves.want,
  };
}

const tellNobody: Tell = () => {};
const noHints: Hints = { ticketMoved() {}, feedGrew() {}, mayHaveMissed() {} };

/** What is to be sent to others. */
function toldFrom(
  { bus = null, webhooks, settings, clock, random, onFault, newId }: RedisParts,
  script: ScriptRunner,
): Pick<RedisStore, "deliveries" | "outbox"> {
  const policy = ticketPolicy(settings);
  const outbox = bus && redisOutbox({ script, policy, clock, onFault, render: bus.render, relay: newId() });
  return {
    deliveries: webhooks && redisDeliveries(script, clock.nowMs, random),
    ...(outbox !== null && { outbox }),
  };
}

/** What is made of what other processes say. */
function hearing(
  remotes: ReadonlyMap<ProviderName, RedisGate>,
  fetching: Fetching,
  { onCancelled, onBusFilled }: RedisParts,
  onFault: (error: unknown) => void,
): (message: string) => void {
  return (message) => {
    const said = readMessage(message);
    switch (said.kind) {
      case "wake":
        return fetching.fetcherOf(said.provider as ProviderName)?.onWake(said);
      case "cancelled":
        return onCancelled?.(said.ticketId);
      case "bus":
        return onBusFilled?.();
      case "ordered":
        // With its answer it says whether it is halted.
        return void remotes
          .get(said.provider as ProviderName)
          ?.status()
          .catch(onFault);
    }
  };
}

/** Tells each gate once that this process has started: its credentials may be new. @param onFault hears why it could not be told; then it is again */
function announcedBy(
  remotes: ReadonlyMap<ProviderName, RedisGate>,
  onFault: (error: unknown) => void,
): () => void {
  let isAnnounced = false;
  return () => {
    if (isAnnounced) return;
    const started = Promise.all(Array.from(remotes.values(), (remote) => remote.started()));
    started.then(() => (isAnnounced = true), onFault);
  };
}

function gatesOf(
  remotes: ReadonlyMap<ProviderName, RedisGate>,
  { clock, newId, onFault }: RedisParts,
): PrimaryStore["gate"] {
  const later = (work: Promise<unknown>) => void work.catch(onFault);
  const gates = new Map(
    Array.from(remotes, ([name, remote]) => [name, createGateFront({ remote, clock, newId, later })]),
  );
  return (provider) => {
    const gate = gates.get(provider);
    if (gate === undefined) throw new Error(`there is no provider ${provider}`);
    return gate;
  };
}

/** All at once: each round trip more is one more that a busy machine may take for silence. @throws {StoreAway} */
async function lookAt(redis: RedisConnection, clock: Clock, mustBeAllowed: () => Promise<void>) {
  const [room, allowed, durability] = await Promise.allSettled([
    roomIn(redis, clock),
    mustBeAllowed(),
    durabilityOf(redis),
  ]);
  // Which rights are missing says more than that one is.
  if (allowed.status === "rejected") throw allowed.reason;
  if (room.status === "rejected") throw room.reason;
  if (durability.status === "rejected") throw durability.reason;
  return { ...room.value, found: durability.value };
}

/** Is there room? Where there is none, all that makes room goes on. @throws {StoreAway} it can't be asked, or nothing may be written */
async function roomIn(redis: RedisConnection, clock: Clock) {
  const startedAtMs = clock.monotonicMs();
  const trouble = await redis.command("SET", `${root}room`, "1").then(() => null, fullOrThrow);
  return { latencyMs: clock.monotonicMs() - startedAtMs, trouble };
}

function fullOrThrow(error: unknown): StoreTrouble {
  if (error instanceof StoreAway && error.trouble?.code === "OOM") return error.trouble;
  throw error;
}
