/** Where tickets live in tests of what stands above: the machines that the platforms ship, over memory and a clock that a test moves. */
import { memoryGateKeeper } from "./memory-gate.ts";
import type { ProviderName } from "../../src/domain/judging/comparison.ts";
import { beginKeyed, endKeyed, ownsKey, type Keyed } from "../../src/domain/idempotency.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../src/settings/limits.ts";
import type { QueueItem } from "../../src/domain/gate/places.ts";
import { noticeOf, queueItemOf, type Ticket, type TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { StoreAway, type Clock, type Feed, type Gate, type Keys } from "../../src/gateway/ports.ts";
import type { DistantTickets, StartingGate } from "../../src/engine/claims.ts";
import type { StoreParts } from "../../src/service.ts";
import { look, lookIfDue, type GateOwner } from "../../src/engine/gate-owner.ts";
import { memoryActions } from "./memory-actions.ts";
import { memoryFeed } from "./memory-feed.ts";
import { memoryTickets } from "./memory-tickets.ts";

export interface MemoryStores extends StoreParts {
  readonly gate: (name: ProviderName) => Gate & StartingGate;
  readonly tickets: DistantTickets;
  /** Names who hears of each ticket that something has happened to. */
  readonly onMoved: (then: (ticket: Ticket) => void) => void;
  /** Names who works a ticket that a gate sends; until then sent tickets wait for it. */
  readonly workWith: (work: (ticketId: string) => Promise<void>) => void;
  /** A message that comes twice, or late. */
  readonly deliver: (ticketId: string) => void;
  readonly stored: ReadonlyMap<string, Ticket>;
  readonly storedKeys: ReadonlyMap<string, Keyed>;
  /** From now on these can't be reached: a port (`keys`) or one verb of it (`tickets.settle`). Without names all can again. */
  readonly away: (...names: readonly string[]) => void;
}

/** A port each of whose verbs is asked about first: what `instead` returns takes the verb's place. */
export function interrupted<Port extends object>(
  port: Port,
  name: string,
  instead: (verb: string) => Promise<never> | null,
): Port {
  return new Proxy(port, {
    get(target, property) {
      const verb: unknown = Reflect.get(target, property);
      if (typeof verb !== "function") return verb;
      return (...given: unknown[]) =>
        instead(`${name}.${String(property)}`) ?? (Reflect.apply(verb, target, given) as unknown);
    },
  });
}

export function memoryStores(clock: Clock, random: () => number, settings: QueueSettings): MemoryStores {
  const limits = gateLimits(settings);
  const policy = ticketPolicy(settings);
  const gates = new Map<ProviderName, ReturnType<typeof makeGate>>();
  const tickets = new Map<string, Ticket>();
  const events = new Map<string, readonly TicketEvent[]>();
  const actions = memoryActions();
  const feed = memoryFeed(clock.nowMs, (id) => tickets.get(id));
  const keys = new Map<string, Keyed>();
  const totals = new Map<string, { requests: number; costUsd: number }>();
  const alarms = new Map<string, () => void>();
  let work: ((ticketId: string) => Promise<void>) | null = null;
  let moved: (ticket: Ticket) => void = () => {};
  let absent: readonly string[] = [];
  const isAway = (verb: string) => absent.includes(verb) || absent.includes(verb.split(".")[0] ?? "");
  const orAway = (verb: string) => (isAway(verb) ? Promise.reject(new StoreAway("away")) : null);

  function gateOf(name: ProviderName) {
    const known = gates.get(name);
    if (known) return known;
    const made = makeGate(name);
    gates.set(name, made);
    return made;
  }

  function makeGate(name: ProviderName) {
    let reports = 0;
    const keeper = memoryGateKeeper(limits, clock, random);
    const owner: GateOwner = {
      send(ids) {
        for (const id of ids) clock.after(0, () => void work?.(id).catch(() => {}));
      },
      askAfter(ids) {
        for (const id of ids) {
          void ticketsPort.keeperOf(id).remind();
        }
      },
      setAlarm: (atMs) => arm(name, atMs, () => look(keeper, owner)),
    };
    const after = <T>(reply: T): T => {
      lookIfDue(keeper, owner);
      return reply;
    };
    function tell(ticket: Ticket): void {
      const notice = noticeOf(ticket);
      const item = queueItemOf(ticket);
      if (notice === null) return;
      if (notice.kind === "enqueue") keeper.enqueue(item, notice.notBeforeMs);
      else if (notice.kind === "requeue") keeper.requeue(item, notice);
      else keeper.remove(item.ticketId, notice.keptBytes);
      after(null);
    }
    const gate: Gate & StartingGate = {
      // What stands before a gate guesses when it is away, and never throws (`front.ts`).
      enter: async (permit, whose) =>
        isAway("gate.enter")
          ? { kind: "call", epoch: null, probe: null }
          : after(keeper.enter(permit, whose)).admission,
      async report(callReport) {
        if (isAway("gate.report")) return null;
        return after(keeper.exchange(`report-${++reports}`, [callReport])).others ?? null;
      },
      start: async (item, starter) => after(keeper.start(item, starter)),
      estimate: async (ticketId) => keeper.estimate(ticketId),
      status: async (tenant) => keeper.status(tenant),
      order: async (order) => after(keeper.order(order)),
    };
    return {
      gate: interrupted(gate, "gate", (verb) => (/enter|report/.test(verb) ? null : orAway(verb))),
      tell,
      admit: (item: QueueItem, notBeforeMs: number) => {
        if (isAway("gate.admit")) throw new StoreAway("away");
        return after(keeper.admit(item, notBeforeMs));
      },
      withdraw: (item: QueueItem) => after(keeper.withdraw(item)),
    };
  }

  function arm(name: string, atMs: number | null, then: () => void): void {
    alarms.get(name)?.();
    if (atMs === null) alarms.delete(name);
    else alarms.set(name, clock.after(Math.max(1, atMs - clock.nowMs()), then));
  }

  const ticketsPort = memoryTickets(
    clock,
    policy,
    random,
    {
      find: (id) => tickets.get(id) ?? null,
      put(ticket, happened) {
        const { id } = ticket.about;
        tickets.set(id, ticket);
        events.set(id, [...(events.get(id) ?? []), ...happened]);
        feed.written(ticket, happened);
      },
      remove(id) {
        tickets.delete(id);
        events.delete(id);
      },
      all: () => tickets.values(),
      events: (id) => events.get(id) ?? [],
    },
    {
      tell: (ticket) => gateOf(ticket.about.provider).tell(ticket),
      admit: ({ provider, item }, notBeforeMs) => gateOf(provider).admit(item, notBeforeMs),
      withdraw: ({ provider, item }) => gateOf(provider).withdraw(item),
    },
    (ticket) => moved(ticket),
  );

  const keysPort: Keys = {
    async begin(name, requestSha256, queueId, leaseMs) {
      const begun = beginKeyed(keys.get(name) ?? null, requestSha256, queueId, leaseMs, clock.nowMs());
      keys.set(name, begun.record);
      return begun.reply;
    },
    async end(name, fence, end) {
      const known = keys.get(name) ?? null;
      const record = endKeyed(known, fence, end);
      if (record === null) keys.delete(name);
      else keys.set(name, record);
      return ownsKey(known, fence);
    },
  };

  return {
    gate: (name) => gateOf(name).gate,
    tickets: interrupted(ticketsPort, "tickets", orAway),
    keys: interrupted(keysPort, "keys", orAway),
    actions: interrupted(actions, "actions", orAway),
    feed: interrupted<Feed>(feed, "feed", orAway),
    stopping: null,
    totals: {
      add(tenant, day, requests, costUsd) {
        const sum = totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 };
        totals.set(`${tenant} ${day}`, {
          requests: sum.requests + requests,
          costUsd: sum.costUsd + costUsd,
        });
      },
      async of(tenant, day) {
        if (isAway("totals")) throw new StoreAway("away");
        return totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 };
      },
    },
    dependencies: async () => ({
      memory: { status: isAway("tickets") ? "down" : "up", needed: true },
      spare: isAway("spare")
        ? { status: "down", error: "other", needed: false }
        : { status: "up", latencyMs: 1.5, needed: false },
    }),
    queueType: "memory",
    onMoved(then) {
      moved = then;
    },
    workWith(who) {
      work = who;
    },
    deliver: (ticketId) => void work?.(ticketId).catch(() => {}),
    stored: tickets,
    storedKeys: keys,
    away(...names) {
      absent = names;
    },
  };
}
