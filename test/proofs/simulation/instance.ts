/** One isolate or process: its own gateway, its own memory. Whatever it shares with others, it asks for over the network. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import { claimTicket } from "../../../src/cloudflare/claim.ts";
import type { DistantTickets, StartingGate } from "../../../src/engine/claims.ts";
import type { Gateway } from "../../../src/gateway/gateway.ts";
import type { AdmissionGuard } from "../../../src/engine/front/admission.ts";
import type { RemoteGate } from "../../../src/engine/front/front.ts";
import {
  StoreAway,
  type Clock,
  type Gate,
  type Keys,
  type Ports,
  type TicketList,
  type TicketQuery,
} from "../../../src/gateway/ports.ts";
import type { Defaults } from "../../../src/gateway/resolve.ts";
import { hash } from "node:crypto";
import { withoutTexts } from "../../../src/engine/ticket-codec.ts";
import type { IndexObject } from "./index-object.ts";
import type { GateObject } from "./gate-object.ts";
import type { KeyObject } from "./key-object.ts";
import { createLife, type Life } from "./life.ts";
import type { Ask } from "./network.ts";
import type { TicketObject } from "./ticket-object.ts";
import { AdapterBug, type Vendor } from "./vendor.ts";
import { watchedGate, watchedStart } from "./watch-calls.ts";
import type { SnapshotWatch } from "./watch-snapshots.ts";
import type { Told } from "./told/told-world.ts";
import type { ReportWatch } from "./watch-reports.ts";
import type { Walk } from "./walk.ts";
import type { TicketWatch } from "./watch-tickets.ts";
import { clockOf, type WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface Instance {
  readonly life: Life;
  readonly defaults: Defaults;
  /** It takes no more work, and ends soon. */
  isStopping(): boolean;
  stop(): void;
  readonly submit: Gateway["submit"];
  readonly submitKeyed: ReturnType<World["seams"]["createKeyedSubmit"]>;
  readonly find: Gateway["find"];
  readonly cancel: Gateway["cancel"];
  /** Something was thrown at it: by a store that is away, or by a bug. */
  failed(error: unknown, walk: Walk): void;
}

/** One that is brought tickets by their ids. */
export interface Worker extends Instance {
  work(ticketId: string): Promise<void>;
  readonly list: Gateway["list"];
}

export interface Surroundings {
  readonly world: World;
  readonly ask: Ask;
  readonly gates: ReadonlyMap<ProviderName, GateObject>;
  readonly ticket: (id: string) => TicketObject;
  readonly key: (name: string) => KeyObject;
  readonly index: (tenant: string) => IndexObject;
  readonly vendors: ReadonlyMap<ProviderName, Vendor>;
  readonly snapshots: SnapshotWatch;
  readonly reports: ReportWatch;
  readonly tickets: Pick<TicketWatch, "unanswered">;
  /** Of one process that has all its stores in it; `null`: each object has its own. */
  readonly processClock: WallClock | null;
  /** `null`: nobody is told of anything. */
  readonly told: () => Told | null;
}

export interface Deployment {
  readonly defaults: Defaults;
  /** Those that are configured. */
  readonly providers: readonly ProviderName[];
}

const keyMarginMs = 15_000;

export function startInstance(around: Surroundings, name: string, deployment: Deployment): Worker {
  const { world, ask, vendors } = around;
  const { plan, seams } = world;
  const life = createLife(name);
  const stopping = new AbortController();
  const clock = clockOf(
    world,
    life,
    plan.shape === "process" && plan.rates.has("store_clocks") ? around.processClock : null,
  );
  /** Asked without a front: only the gate itself gives a ticket its turn. */
  const startOf = (provider: ProviderName): StartingGate["start"] => {
    const gate = around.gates.get(provider);
    if (gate === undefined) throw new Error(`there is no gate of ${provider}`);
    return watchedStart((item, starter) => ask(life, gate, "start", () => gate.start(item, starter)));
  };
  const fronts = new Map([...around.gates].map(([of, gate]) => [of, gateOf(around, life, clock, gate)]));

  const tickets = ticketsOf(around, life, (provider) => frontOf(provider).guard);
  function frontOf(provider: ProviderName) {
    const front = fronts.get(provider);
    if (front === undefined) throw new Error(`there is no gate of ${provider}`);
    return front;
  }
  const ports: Ports = seams.ports({
    providers: new Map(
      deployment.providers.flatMap((of) => {
        const vendor = vendors.get(of);
        return vendor ? [[of, vendor.seenFrom(life)] as const] : [];
      }),
    ),
    gate: (provider) => frontOf(provider).gate,
    tickets,
    keys: keysOf(around, life),
    clock,
    newId: world.newId,
    random: world.random(`backoff of requests`).next,
    sha256: (text) => hash("sha256", text),
    stopping: stopping.signal,
    mask: (text) => text,
    tell: () => {},
  });
  const { requestTimeoutMs } = plan.settings.llm;
  const { defaults } = deployment;
  const policy = { defaults, requestTimeoutMs, maxRetries: plan.liveRetries };
  const { submit, run, find, cancel, list } = seams.createGateway(ports, policy);
  const claims = seams.claims({
    gate: (provider) => ({ ...ports.gate(provider), start: startOf(provider) }),
    tickets: { ...ports.tickets, claim: tickets.claim, look: tickets.look },
    clock,
    newId: world.newId,
    random: ports.random,
    async askAfter(id, provider) {
      const whose = [...around.gates.values()].filter(
        (gate) => provider === null || gate.provider === provider,
      );
      await Promise.allSettled(
        whose.map((gate) => ask(life, gate, named("ask after", id), () => gate.askAfter(id))),
      );
    },
  });
  /** One step for one ticket, whose id a message has brought. */
  async function work(ticketId: string): Promise<void> {
    const claimed = await claimTicket(claims, ticketId);
    if (claimed !== null) await run(claimed);
  }
  const submitKeyed = seams.createKeyedSubmit(ports, submit, {
    leaseMs: requestTimeoutMs + keyMarginMs,
    retentionMs: plan.policy.retentionMs,
  });

  const pusher = around.told()?.start(life, clock);
  return {
    life,
    defaults,
    isStopping: () => stopping.signal.aborted,
    stop() {
      stopping.abort();
      pusher?.rest();
    },
    submit,
    submitKeyed,
    work,
    find,
    cancel,
    list,
    failed(error, walk) {
      if (error instanceof StoreAway || error instanceof AdapterBug)
        world.note(name, `${walk.name}: ${error.message}`);
      else world.violate("no bugs", `${walk.name}: ${String(error)}`, walk.ticketId ?? walk.name);
    },
  };
}

function gateOf(
  { world, ask, snapshots, reports }: Surroundings,
  life: Life,
  clock: Clock,
  gate: GateObject,
): { readonly gate: Gate; readonly guard: AdmissionGuard } {
  const remote: RemoteGate = {
    enter: (permit, whose) => ask(life, gate, "enter", () => gate.enter(permit, whose)),
    exchange: (reportId, callReports) =>
      ask(life, gate, "exchange", () => gate.exchange(reportId, callReports)),
    estimate: () => Promise.resolve(null),
    status: () => Promise.reject(new Error("nobody asks for it here")),
    order: () => Promise.reject(new Error("nobody orders anything here")),
  };
  if (world.plan.shape === "process") {
    const here: Gate = {
      ...remote,
      enter: async (permit, whose) => (await remote.enter(permit, whose)).admission,
      async report(callReport) {
        try {
          return (await remote.exchange(world.newId(), [callReport])).others ?? null;
        } catch (error) {
          if (!(error instanceof StoreAway)) throw error;
          return null;
        }
      },
    };
    const guard: AdmissionGuard = { admit: async (_tenant, create) => (await create()).created };
    return { gate: watchedGate(world, gate.provider, here, reports), guard };
  }
  const seen = snapshots.seenBy(life.name, clock, remote);
  const front = world.seams.createGateFront({ remote: seen.remote, clock, newId: world.newId, later });
  return { gate: watchedGate(world, gate.provider, seen.behind(front), reports), guard: front };
}

function later(work: Promise<unknown>): void {
  void work.catch(() => {});
}

function named(verb: string, id: string): string {
  return `${verb} of ${id.slice(0, 8)}`;
}

function ticketsOf(
  around: Surroundings,
  life: Life,
  guardOf: (provider: ProviderName) => AdmissionGuard,
): DistantTickets {
  const { ask, ticket, tickets } = around;
  /** What the holder of a claim asks for. */
  const asHolder = <Reply>(
    id: string,
    holder: Parameters<TicketWatch["unanswered"]>[1],
    asked: Promise<Reply>,
  ) =>
    asked.catch((error: unknown) => {
      if (error instanceof StoreAway) tickets.unanswered(id, holder);
      throw error;
    });
  return {
    create(draft) {
      const { id, provider, tenant } = draft.about;
      const object = ticket(id);
      return guardOf(provider).admit(tenant, () =>
        ask(life, object, named("create", id), async () => ({
          created: await object.create(draft),
          gateMs: object.gateMs(),
        })),
      );
    },
    load: (id) => ask(life, ticket(id), named("load", id), () => ticket(id).load()),
    look: (id) => ask(life, ticket(id), named("load", id), () => ticket(id).look()),
    claim: (id, permit, asProbe, early) =>
      asHolder(
        id,
        { permit },
        ask(life, ticket(id), named("claim", id), () => ticket(id).claim(permit, asProbe, early)),
      ),
    settle: (id, fence, outcome) =>
      asHolder(
        id,
        { fence },
        ask(life, ticket(id), named("settle", id), () => ticket(id).settle(fence, outcome)),
      ),
    giveBack: (id, fence, spent) =>
      asHolder(
        id,
        { fence },
        ask(life, ticket(id), named("give back", id), () => ticket(id).giveBack(fence, spent)),
      ),
    list: (query) => listOf(around, life, query),
    events: () => Promise.reject(new Error("nobody asks for them here")),
    cancel: (id, by) => ask(life, ticket(id), named("cancel", id), () => ticket(id).cancel(by)),
  };
}

/** At most five at once: here one after another. */
async function oneByOne<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (const item of items) await work(item);
}

function listOf(
  { world, ask, ticket, gates, index: indexOf }: Surroundings,
  life: Life,
  query: TicketQuery,
): Promise<TicketList> {
  const index = indexOf(query.tenant ?? "");
  return world.seams.listFromIndex(
    {
      page: (asked) => ask(life, index, "page", () => index.page(asked)),
      unheard: (ids) => ask(life, index, "unheard", () => index.unheard(ids)),
      async ticketsOf(provider, most) {
        const gate = gates.get(provider);
        return gate ? ask(life, gate, "tickets of", () => gate.ticketsOf(query.tenantKey, most)) : [];
      },
      show: (id) =>
        ask(life, ticket(id), named("show", id), async () => {
          const found = await ticket(id).load();
          return found && withoutTexts(found);
        }),
      sideBySide: oneByOne,
    },
    query,
  );
}

function keysOf({ ask, key }: Surroundings, life: Life): Keys {
  return {
    begin: (name, requestSha256, queueId, leaseMs) =>
      ask(life, key(name), `begin of ${name}`, () => key(name).begin(requestSha256, queueId, leaseMs)),
    end: (name, fence, end) =>
      ask(life, key(name), `end of ${name}: ${end.kind}`, () => key(name).end(fence, end)),
  };
}
