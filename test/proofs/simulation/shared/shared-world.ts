/** A world of several Node processes that share a Redis, each with a store of its own behind it. */
import { startClients } from "../clients.ts";
import { createHope } from "../hope.ts";
import { die, type Life } from "../life.ts";
import { startOperator } from "../operator.ts";
import { createVendor } from "../vendor.ts";
import { watchAnswers } from "../watch-answers.ts";
import { watchCalls, type Calls } from "../watch-calls.ts";
import { watchLeases } from "../watch-leases.ts";
import { watchReports } from "../watch-reports.ts";
import { storeClock } from "../wall-clock.ts";
import type { World } from "../world.ts";
import { watchedFile } from "./local-part.ts";
import { redisServer, type RedisServer } from "./redis-server.ts";
import { checkSharedEnd, checkSharedProgress } from "./shared-endings.ts";
import { startSharedInstance, type SharedInstance } from "./shared-instance.ts";
import { watchFeed } from "./watch-feed.ts";
import { givenIn, watchPlaces } from "./watch-places.ts";
import { watchStores } from "./watch-stores.ts";

/** A call of Redis that has not answered by then is lost, and so is what was to be told behind it. */
const lostMs = 1_000;

/** @returns how tickets ended */
export async function liveShared(world: World): Promise<Readonly<Record<string, number>>> {
  const { plan, scheduler } = world;
  const running: SharedInstance[] = [];
  const lives = new Map<Life, number>();
  const workers: (Life | null)[] = Array.from({ length: plan.instances }, () => null);
  /** Each machine has a clock of its own, and Redis' is another one's. */
  const redisClock = storeClock(world);
  const clocks = workers.map(() => storeClock(world, "skewed_clock"));
  const watch = watchStores(
    world,
    { redis: redisClock, slots: clocks },
    () => server.data,
    () => server,
    () => calls,
    (life) => lives.get(life) ?? 0,
  );
  const places = watchPlaces(world, () => server.data, watch);
  const feed = watchFeed(world, () => server.data, watch);
  const calls: Calls = watchCalls(world, watch);
  const server: RedisServer = redisServer({
    world,
    clock: redisClock,
    onWritten(keys, by) {
      watch.redisWrote(keys, by);
      places.look(keys);
      feed.look(keys);
    },
    onLost(keys) {
      watch.redisLost(keys);
      feed.lost();
    },
  });
  const files = workers.map((_, slot) =>
    watchedFile((id, before, after) => watch.localWrote(slot, workers[slot] ?? null, id, before, after)),
  );
  const vendors = new Map(plan.providers.map((name) => [name, createVendor(world, name, calls)]));
  const random = world.random("routing");
  const someone = () => {
    const open = running.filter((instance) => instance.life.isAlive && instance.isOpen());
    return open[random.between(0, open.length - 1)] ?? null;
  };
  const onStart = (slot: number, life: Life) => {
    lives.set(life, slot);
    workers[slot] = life;
  };

  const { judgedForNobody: onForNobody, drafted: onDraft } = watch;
  const reports = watchReports(world, watch);
  const away = new Set<Life>();
  // Where the process could reach Redis all the time, and knows it.
  const leases = watchLeases(
    world,
    (walk, life) => {
      // What Redis has lost of a ticket, as its settings allow, may not fit together.
      if (walk.ticketId !== null && watch.known(walk.ticketId)?.isExcused) return null;
      const isSure = !away.has(life) && server.reachableSinceMs(lives.get(life) ?? 0) <= walk.atMs;
      return isSure ? givenIn(server.data, walk.permits) : null;
    },
    lostMs,
  );
  const onAway = (life: Life, isAway: boolean) => void (isAway ? away.add(life) : away.delete(life));
  const around = {
    world,
    server,
    vendors,
    files,
    onStart,
    onForNobody,
    onAway,
    onDraft,
    reports,
    leases,
    calls,
    clocks,
  };
  const operator = startOperator(world, running, new Map(), new Map(), (name, deployment, slot) => {
    const instance = startSharedInstance(around, name, deployment, slot);
    running[slot] = instance;
    return instance;
  });
  startClients(world, someone, watchAnswers(world, calls, watch), leases, vendors);
  const hope = createHope(world, vendors);
  checkSharedProgress({ world, watch, server, files, running, hope });

  await scheduler.run(() => world.violation() !== null);
  if (world.violation() === null) checkSharedEnd({ world, watch, server, files, running, hope });
  operator.end();
  for (const { life } of running) die(life);

  const ends: Record<string, number> = {};
  // What was withdrawn, or lost as it may be, has not ended.
  for (const { status, endedAtMs } of watch.all())
    if (endedAtMs !== null) ends[status] = (ends[status] ?? 0) + 1;
  return ends;
}
