/** A Redis that several processes share, with what can happen to it and on the way there: it is away, it hangs, it starts again, its memory is full. */
import type { RedisConnection } from "../../../../src/node/redis/connection.ts";
import { NotDone } from "../../../../src/stores/failover/primary-store.ts";
import { asAlive, type Life } from "../life.ts";
import type { WallClock } from "../wall-clock.ts";
import type { World } from "../world.ts";
import { redisData, type RedisData } from "./redis-data.ts";
import { runScript } from "./redis-script.ts";
import { concerns, drawTroubles, type Phase } from "./redis-phases.ts";
import { wayToRedis, type Asker } from "./redis-way.ts";

export interface RedisServer {
  readonly data: RedisData;
  connect(slot: number, life: Life): RedisConnection;
  /** Since when all that this process has asked was answered in time, in epoch milliseconds. */
  reachableSinceMs(slot: number): number;
}

export interface RedisServerParts {
  readonly world: World;
  readonly clock: WallClock;
  /** Hears after each script and command which keys it wrote. @param by the process that waits for the answer; `null`: none does */
  readonly onWritten: (keys: readonly string[], by: Life | null) => void;
  /** It was started again, and has lost what was written to these. */
  readonly onLost: (keys: ReadonlySet<string>) => void;
}

interface Connection extends Asker {
  readonly ready: (() => void)[];
  readonly listeners: Set<(message: string) => void>;
}

/** Of what it has written, that is not on its disk. */
const unsyncedMs = 1_000;

export function redisServer({ world, clock, onWritten, onLost }: RedisServerParts): RedisServer {
  const { scheduler, plan, strikes } = world;
  const random = world.random("redis");
  const troubles = drawTroubles(world);
  const { stateFor } = troubles;
  const isEverysec = plan.rates.has("everysec");
  const connections = new Set<Connection>();
  const disturbedAtMs = new Map<number, number>();
  const data = redisData({
    nowMs: clock.nowMs,
    uptimeMs: world.sinceStartMs,
    publish,
    listeners: () => listening().length,
    isLogged: isEverysec,
  });
  /** What was on its way when it ended is gone. */
  let starts = 1;

  const ask = wayToRedis({
    world,
    troubles,
    starts: () => starts,
    onDone: (by) => onWritten(data.touched(), by),
    onSilence: (slot) => disturbedAtMs.set(slot, scheduler.nowMs()),
  });

  for (const phase of troubles.phases) {
    scheduler.after(phase.fromMs, () => begin(phase));
    scheduler.after(phase.untilMs, () => end(phase));
  }

  function begin(phase: Phase): void {
    world.note("redis", `${phase.kind}${phase.slot === null ? "" : ` for process ${phase.slot + 1}`}`);
    if (phase.kind !== "restarts") return;
    starts++;
    if (!isEverysec) return;
    const lost = data.loseSince(world.sinceStartMs() - random.between(0, unsyncedMs));
    world.note("redis", `loses what was written to ${lost.size} keys`);
    onLost(lost);
  }

  function end(phase: Phase): void {
    world.note("redis", `${phase.kind}: over`);
    if (phase.kind === "full") return;
    for (const connection of connections) if (concerns(phase, connection.slot)) makeReady(connection);
  }

  function makeReady({ slot, life, ready }: Connection): void {
    scheduler.after(random.between(1, 250), () => {
      if (stateFor(slot) === "up") for (const tell of ready) asAlive(scheduler, life, tell);
    });
  }

  const listening = () =>
    [...connections].filter(({ slot, listeners }) => listeners.size > 0 && stateFor(slot) !== "away");

  function publish(message: string): number {
    const heard = listening();
    for (const { slot, life, listeners } of heard) {
      if (strikes("wake_lost")) continue;
      const delayMs = strikes("wake_late")
        ? world.random("late wakes").between(50, 5_000)
        : random.between(1, 5);
      scheduler.after(delayMs, () => {
        if (stateFor(slot) !== "up") return;
        asAlive(scheduler, life, () => {
          for (const hear of listeners) hear(message);
        });
      });
    }
    return heard.length;
  }

  function connect(slot: number, life: Life): RedisConnection {
    const connection: Connection = { slot, life, ready: [], listeners: new Set() };
    connections.add(connection);
    life.onDeath.add(() => connections.delete(connection));
    makeReady(connection);
    return {
      run: (call, texts, needsRoom) =>
        ask(connection, nameOf(call), () => {
          if (needsRoom && troubles.isFull()) throw new NotDone("refused", "Redis' memory is full");
          const reply = runScript(data, call, texts);
          for (const answer of reply) {
            if (Array.isArray(answer) && answer[0] === "failed")
              world.violate("no bugs", `redis: ${String(answer[1])}`);
          }
          return reply;
        }),
      command: (name = "", ...args) => ask(connection, name, () => answerOf(name, args)),
      awaitDisk() {},
      denied: async () => [],
      listen(_channel, onMessage, onReady) {
        connection.listeners.add(onMessage);
        connection.ready.push(onReady);
        return { trouble: () => null, stop: () => void connection.listeners.delete(onMessage) };
      },
      onReady: (then) => void connection.ready.push(then),
      roundTrips: () => 0,
      close: () => void connections.delete(connection),
    };
  }

  function answerOf(name: string, args: readonly string[]): unknown {
    switch (name) {
      case "PING":
        return "PONG";
      case "INFO":
        return "redis_version:7.0.15";
      case "CONFIG":
        return [args[1], settings[args[1] ?? ""]];
      case "HMGET":
        return (data.call(name, ...args) as readonly (string | false)[]).map((value) => value || null);
      default:
        return data.call(name, ...args);
    }
  }
  const settings: Readonly<Record<string, string>> = {
    appendonly: "yes",
    appendfsync: isEverysec ? "everysec" : "always",
    "maxmemory-policy": "noeviction",
  };

  return {
    data,
    connect,
    reachableSinceMs(slot) {
      const startMs = scheduler.nowMs() - world.sinceStartMs();
      const overAtMs = startMs + troubles.overAtMs(slot);
      return Math.max(overAtMs, disturbedAtMs.get(slot) ?? 0);
    },
  };
}

/** Of a call, for the record of what happened. */
function nameOf(call: string): string {
  const asked = JSON.parse(call) as Asked & { readonly calls?: readonly Asked[] };
  return (asked.calls ?? [asked])
    .map(({ verb, ticketId, item, name }) => `${verb} ${ticketId ?? item?.ticketId ?? name ?? ""}`.trim())
    .join(" + ");
}

interface Asked {
  readonly verb: string;
  readonly ticketId?: string;
  readonly item?: { readonly ticketId: string };
  readonly name?: string;
}
