/** One Node process of several that share a Redis: the gateway over `createFailover`, with the stores over Redis as they are and a local one. */
import { hash } from "node:crypto";
import type { ProviderName } from "../../../../src/domain/judging/comparison.ts";
import { StoreAway, type ClaimedTicket, type Ports, type Tickets } from "../../../../src/gateway/ports.ts";
import { endedEventJson } from "../../../../src/http/notices.ts";
import type { FallbackFile } from "../../../support/failover/memory-fallback.ts";
import type { Deployment, Instance } from "../instance.ts";
import { asAlive, createLife, type Life } from "../life.ts";
import { AdapterBug, type Vendor } from "../vendor.ts";
import { newWalk, walks, type Walk } from "../walk.ts";
import { watchedGate, type Calls } from "../watch-calls.ts";
import type { LeaseWatch } from "../watch-leases.ts";
import type { ReportWatch } from "../watch-reports.ts";
import { clockOf, type WallClock } from "../wall-clock.ts";
import type { World } from "../world.ts";
import { localPart } from "./local-part.ts";
import type { RedisServer } from "./redis-server.ts";

export interface SharedInstance extends Instance {
  /** It has looked for Redis, and takes requests. */
  isOpen(): boolean;
  /** What breaks a promise, as `/healthz` says it; `null`: Redis is away. */
  warnings(): Promise<readonly string[] | null>;
}

export interface SharedSurroundings {
  readonly world: World;
  readonly server: RedisServer;
  readonly vendors: ReadonlyMap<ProviderName, Vendor>;
  /** What a process of this slot finds on its disk. */
  readonly files: readonly FallbackFile[];
  /** Hears which process works a slot's file. */
  readonly onStart: (slot: number, life: Life) => void;
  /** A process has told of a ticket that was judged for nobody. */
  readonly onForNobody: () => void;
  /** A process goes by the primary store, or by its own. */
  readonly onAway: (life: Life, isAway: boolean) => void;
  readonly reports: ReportWatch;
  readonly leases: LeaseWatch;
  readonly calls: Calls;
  /** Of the machine of each slot. */
  readonly clocks: readonly WallClock[];
  /** Whose walk a ticket of this id would be kept for: in Redis' script many are kept in one. */
  readonly onDraft: (id: string, walk: Walk | undefined) => void;
}

const keyMarginMs = 15_000;

export function startSharedInstance(
  {
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
  }: SharedSurroundings,
  name: string,
  deployment: Deployment,
  slot: number,
): SharedInstance {
  const { plan, seams, scheduler } = world;
  const life = createLife(name);
  onStart(slot, life);
  const stopping = new AbortController();
  const clock = clockOf(world, life, clocks[slot]);
  const { newId } = world;
  const file = files[slot];
  if (file === undefined) throw new Error(`there is no slot ${slot}`);
  let isOpen = false;

  const onFault = (error: unknown) => {
    if (error instanceof StoreAway) world.note(`background of ${name}`, error.message);
    else world.violate("no bugs", `${name}: ${String(error)}`);
  };
  const shared = seams.shared(
    seams.openRedis(
      {
        url: "",
        settings: plan.settings,
        clock,
        random: world.random("backoff").next,
        newId,
        endedEvent: endedEventJson,
        onFault,
        soon: (send) => void Promise.resolve().then(send),
      },
      seams.redis(server.connect(slot, life)),
    ),
  );
  const failover = seams.createFailover({
    primary: shared,
    fallback: seams.local(localPart(world, life, clock, file)),
    policy: plan.policy,
    clock,
    newId,
    tell(news) {
      world.note(name, news.kind);
      if (news.kind === "judged_for_nobody") onForNobody();
      if (news.kind === "store_away" || news.kind === "store_back") onAway(life, news.kind === "store_away");
    },
    onFault,
  });
  const ports: Ports = seams.ports({
    providers: new Map(
      deployment.providers.flatMap((of) => {
        const vendor = vendors.get(of);
        return vendor ? [[of, vendor.seenFrom(life)] as const] : [];
      }),
    ),
    gate: (provider) => watchedGate(world, provider, failover.gate(provider), reports),
    tickets: watchedWalks(failover.tickets, onDraft),
    keys: failover.keys,
    clock,
    newId,
    random: world.random("backoff of requests").next,
    sha256: (text) => hash("sha256", text),
    stopping: stopping.signal,
    mask: (text) => text,
    tell: () => {},
  });
  const { requestTimeoutMs } = plan.settings.llm;
  const { defaults } = deployment;
  const gateway = seams.createGateway(ports, { defaults, requestTimeoutMs, maxRetries: plan.liveRetries });
  const submitKeyed = seams.createKeyedSubmit(ports, gateway.submit, {
    leaseMs: requestTimeoutMs + keyMarginMs,
    retentionMs: plan.policy.retentionMs,
  });

  function failed(error: unknown, walk: Walk): void {
    if (error instanceof StoreAway || error instanceof AdapterBug)
      world.note(name, `${walk.name}: ${error.message}`);
    else world.violate("no bugs", `${walk.name}: ${String(error)}`, walk.ticketId ?? walk.name);
  }

  async function asWork(walk: Walk, work: () => Promise<void>): Promise<void> {
    try {
      await walks.run(walk, work);
    } catch (error) {
      failed(error, walk);
    } finally {
      leases.over(walk, life);
    }
  }

  /** A store has claimed the ticket, and the gate there given its leave. */
  function run(claimed: ClaimedTicket): Promise<void> {
    const { ticket, permit, fence } = claimed;
    const { id } = ticket.about;
    const asProbe = ticket.state.status === "processing" && ticket.state.claim.asProbe;
    const walk = newWalk("work", id, name, id, scheduler.nowMs());
    walk.claim = { fence, asProbe };
    walk.leave = { permit, isTurn: asProbe, isEarly: false, callsBefore: 0 };
    walk.permits.push(permit);
    calls.holds(walk, id, fence);
    return asWork(walk, () => gateway.run(claimed));
  }

  async function open(): Promise<void> {
    await failover.look();
    failover.start(run);
    isOpen = true;
  }

  async function close(): Promise<void> {
    stopping.abort();
    await failover.rest();
    await failover.close();
    world.note(name, "has closed");
  }

  // Not before somebody can hear of its death.
  scheduler.after(0, () => asAlive(scheduler, life, () => void open().catch(onFault)));
  return {
    life,
    defaults,
    isStopping: () => stopping.signal.aborted,
    isOpen: () => isOpen && !stopping.signal.aborted,
    stop: () => void close().catch(onFault),
    submit: gateway.submit,
    submitKeyed,
    find: gateway.find,
    cancel: gateway.cancel,
    failed,
    warnings: async () => (await failover.health()).primary?.warnings ?? null,
  };
}

/** It is known who keeps a ticket. */
function watchedWalks(tickets: Tickets, onDraft: SharedSurroundings["onDraft"]): Tickets {
  return {
    ...tickets,
    create(draft) {
      onDraft(draft.about.id, walks.getStore());
      return tickets.create(draft);
    },
  };
}
