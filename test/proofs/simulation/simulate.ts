/** One seed lived through: a world is built, left to its faults, healed, and watched until nothing is left to happen. */
import type { Place } from "../../../src/domain/gate/places.ts";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import { startClients } from "./clients.ts";
import { checkEnd, checkProgress } from "./endings.ts";
import { checkOutlived, createHope } from "./hope.ts";
import { createGateObject, type GateObject } from "./gate-object.ts";
import { startInstance, type Surroundings, type Worker } from "./instance.ts";
import { createKeyObject, type KeyObject } from "./key-object.ts";
import { createIndexObject, type IndexObject } from "./index-object.ts";
import { startLists } from "./lists.ts";
import { die } from "./life.ts";
import { createNetwork } from "./network.ts";
import { startOperator } from "./operator.ts";
import { createQueue } from "./queue.ts";
import { createTicketObject, type TicketObject } from "./ticket-object.ts";
import { liveShared } from "./shared/shared-world.ts";
import { createTold, type Told } from "./told/told-world.ts";
import { createVendor } from "./vendor.ts";
import { watchAnswers } from "./watch-answers.ts";
import { watchCalls } from "./watch-calls.ts";
import { watchGate } from "./watch-gate.ts";
import { watchLeases } from "./watch-leases.ts";
import { watchReports } from "./watch-reports.ts";
import { watchSnapshots } from "./watch-snapshots.ts";
import { watchTickets } from "./watch-tickets.ts";
import { storeClock, worldBy } from "./wall-clock.ts";
import { createWorld, type Line, type Violation, type World, type WorldOptions } from "./world.ts";

export interface Report {
  readonly seed: number;
  /** `null`: every promise was kept. */
  readonly violation: Violation | null;
  readonly traceHash: number;
  readonly lines: readonly Line[];
  /** How tickets ended, to see that something did happen. */
  readonly ends: Readonly<Record<string, number>>;
}

export async function simulate(seed: number, options: WorldOptions = {}): Promise<Report> {
  const world = createWorld(seed, options);
  const ends = world.plan.shape === "shared" ? await liveShared(world) : await live(world);
  return {
    seed,
    violation: world.violation(),
    traceHash: world.traceHash(),
    lines: world.lines,
    ends,
  };
}

/** @returns how tickets ended */
async function live(world: World): Promise<Readonly<Record<string, number>>> {
  const { plan, scheduler } = world;
  const ask = createNetwork(world);
  const tickets = watchTickets(world, (expired) =>
    checkOutlived(world, expired, tickets.all(), gateOf(expired.about.provider).state(), hope),
  );
  const calls = watchCalls(world, tickets, (provider, id) => gates.get(provider)?.places().get(id));
  const isProcess = plan.shape === "process";

  const running: Worker[] = [];
  const processLife = isProcess ? () => running[0]?.life ?? firstLife : null;
  const random = world.random("routing");
  const someone = () => {
    const open = running.filter((instance) => instance.life.isAlive && !instance.isStopping());
    return open[random.between(0, open.length - 1)] ?? null;
  };

  const gates = new Map<ProviderName, GateObject>();
  const leases = watchLeases(
    world,
    () => {
      if (!plan.isCalm) return null;
      const all = [...gates.values()];
      return {
        states: all.map((gate) => gate.state()),
        places: all.flatMap((gate) => [...gate.places().values()]),
      };
    },
    0,
  );
  const vendors = new Map(plan.providers.map((name) => [name, createVendor(world, name, calls)]));
  const hope = createHope(world, vendors);
  const send = createQueue(world, someone, leases);
  const ticketObjects = new Map<string, TicketObject>();
  const indexes = new Map<string, IndexObject>();
  /** A process lists what its own tables hold. */
  const hasIndex = !isProcess && (plan.rates.has("lists") || plan.rates.has("index_away"));
  const keyObjects = new Map<string, KeyObject>();
  /** One process has one clock, and all that it stores is dated by that. */
  const processClock = isProcess ? storeClock(world) : null;
  const clockOfStore = () => processClock ?? storeClock(world);
  const around: Surroundings = {
    world,
    ask,
    gates,
    ticket: (id) => stored(ticketObjects, id, () => newTicket(id)),
    key: (name) => stored(keyObjects, name, () => createKeyObject(world, name, clockOfStore(), processLife)),
    index: (tenant) => stored(indexes, tenant, () => createIndexObject(world, tenant, storeClock(world))),
    vendors,
    snapshots: watchSnapshots(world),
    reports: watchReports(world, tickets),
    tickets,
    processClock,
    told: () => told,
  };
  const firstLife = { name: "nothing", isAlive: false, pausedUntilMs: 0, onDeath: new Set<() => void>() };

  const told: Told | null =
    processClock === null || processLife === null || !plan.rates.has("told")
      ? null
      : await createTold({
          world,
          tickets,
          clock: processClock,
          life: processLife,
          find: (id) => ticketObjects.get(id)?.stored() ?? undefined,
          load: async (id) => (await ticketObjects.get(id)?.load()) ?? null,
        });

  function newTicket(id: string): TicketObject {
    return createTicketObject({
      world,
      ask,
      id,
      watch: tickets,
      clock: clockOfStore(),
      indexOf: hasIndex ? around.index : null,
      processLife,
      gateOf,
      told,
    });
  }

  function gateOf(provider: ProviderName): GateObject {
    const gate = gates.get(provider);
    if (gate === undefined) throw new Error(`there is no gate of ${provider}`);
    return gate;
  }

  function remind(gate: GateObject, place: Place): void {
    const { ticketId } = place;
    const ticket = around.ticket(ticketId);
    ask(gate.life(), ticket, `remind ${ticketId.slice(0, 8)}`, () => ticket.remind()).then(
      (isThere) => isThere || gate.withdraw(place),
      () => world.note(gate.name, `${ticketId.slice(0, 8)} is silent`),
    );
  }

  for (const provider of plan.providers) {
    const clock = clockOfStore();
    const watch = watchGate(worldBy(clock, world), `gate ${provider}`);
    gates.set(provider, createGateObject({ world, provider, send, remind, watch, clock, processLife }));
  }
  const operator = startOperator(world, running, gates, ticketObjects, (name, deployment) =>
    startInstance(around, name, deployment),
  );
  startClients(world, someone, watchAnswers(world, calls, tickets), leases, vendors);
  if (hasIndex) startLists(world, someone, tickets);
  checkProgress(world, tickets, gates, hope);

  await scheduler.run(() => world.violation() !== null);
  if (world.violation() === null) checkEnd(world, tickets, gates, keyObjects, ticketObjects);
  if (world.violation() === null) told?.checkEnd();
  for (const { life } of running) die(life);
  operator.end();

  const ends: Record<string, number> = {};
  for (const { status } of tickets.all()) ends[status] = (ends[status] ?? 0) + 1;
  return ends;
}

function stored<Value>(all: Map<string, Value>, name: string, make: () => Value): Value {
  const known = all.get(name);
  if (known !== undefined) return known;
  const made = make();
  all.set(name, made);
  return made;
}
