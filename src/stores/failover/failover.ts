/**
 * A store that processes share as the primary one, and this process' own as a full engine for as long as the primary one is away.
 *
 * What is asked of the primary store and is not answered (`watch.ts`) is done here instead: live calls are let in by the gate here, tickets are
 * kept here under marked ids (`marked-id.ts`), outcomes of its claims are noted here. Whatever it held can't be reached until it is back
 * (`StoreAway`); then `mover.ts` brings it all there.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { TicketPolicy } from "../../domain/ticket/ticket.ts";
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import {
  StoreAway,
  type Actions,
  type ClaimedTicket,
  type Clock,
  type Door,
  type Feed,
  type Gate,
  type Keys,
  type StoreTrouble,
  type Tickets,
  type Totals,
} from "../../gateway/ports.ts";
import type { PrimaryHealth, PrimaryStore } from "./primary-store.ts";
import { failoverActions } from "./actions.ts";
import { failoverDeliveries } from "./deliveries.ts";
import { failoverGates, type FailoverGates } from "./gate.ts";
import { failoverTickets, type FailoverTickets } from "./tickets.ts";
import { bringTotals, failoverTotals } from "./totals.ts";
import type { LocalHealth, FallbackStore } from "./fallback-store.ts";
import { createMover } from "./mover.ts";
import type { FailoverEvent } from "../../telemetry/events.ts";
import { createWatch, type Watch } from "./watch.ts";

export interface FailoverParts {
  readonly primary: PrimaryStore;
  readonly fallback: FallbackStore;
  readonly policy: TicketPolicy;
  readonly clock: Clock;
  /** A UUID. */
  readonly newId: () => string;
  readonly tell: (event: FailoverEvent) => void;
  /** Hears of work that nobody awaits and that ended badly. */
  readonly onFault: (error: unknown) => void;
}

export interface Failover extends Door {
  readonly gate: (provider: ProviderName) => Gate;
  readonly tickets: Tickets;
  /** While the primary store is away there are none: it may have the key's record, and one key must never make two calls. */
  readonly keys: Keys;
  readonly totals: Totals;
  readonly actions: Actions;
  /** The primary store's alone; `null`: nobody is told from there. */
  readonly deliveries: DeliveryStore | null;
  /** The primary store's: who ended in the one here enters it with the move there. */
  readonly feed: Feed;
  /** Looks for the primary store once, and from then on by itself. To be awaited before the first request. */
  look(): Promise<void>;
  close(): Promise<void>;
  health(): Promise<FailoverHealth>;
  /** What of the primary store's settings breaks a promise, as far as is known, a sentence each. */
  warnings(): readonly string[];
}

type Run = Parameters<Door["start"]>[0];

interface FailoverHealth {
  /** `null`: it is away. */
  readonly primary: PrimaryHealth | null;
  /** What is the matter with the primary store; `null`: nothing, or that isn't known. */
  readonly trouble: StoreTrouble | null;
  readonly fallback: LocalHealth;
}

export function createFailover(parts: FailoverParts): Failover {
  const { primary, fallback, policy, clock, newId, tell, onFault } = parts;
  let isStarted = false;
  const away = absenceTold(tell);
  const onTaking = refusalsTold(tell);
  const { look, warnings } = healthOf(primary, tell, onTaking);
  const mover = createMover({ fallback, primary: primary.tickets, watch: () => watch, clock, tell, onFault });
  const watch = createWatch({
    clock,
    health: look,
    onAway,
    onStillAway: () => away.stays(watch.trouble()),
    beforeBack: mover.bringNotes,
    onBack() {
      if (isStarted) primary.resume();
      away.ends();
      mover.kickNow();
      bringTotals(fallback, primary).catch(onFault);
    },
    onFault,
  });
  const gates = failoverGates({ fallback, primary, watch });
  const tickets = failoverTickets({
    fallback,
    primary: primary.tickets,
    watch,
    clock,
    newId,
    longestLifeMs: policy.ttlMs + policy.leaseMs + policy.retentionMs,
    onNote: mover.kick,
    onTaking,
  });
  fallback.moves.onMovable(mover.kick);

  function onAway(): void {
    primary.pause();
    away.begins(watch.trouble());
  }

  return {
    gate: gates.of,
    tickets,
    keys: failoverKeys(primary, watch),
    totals: failoverTotals(fallback, primary, watch),
    actions: failoverActions(fallback, primary, watch),
    deliveries: primary.deliveries === undefined ? null : failoverDeliveries(primary.deliveries, watch),
    feed: { page: (...asked) => watch.ask(() => primary.feed.page(...asked)) },

    look: watch.look,

    start(run) {
      isStarted = true;
      fallback.start((claimed) => runFallback(run, claimed, gates));
      primary.start((claimed) => runPrimary(run, claimed, gates, tickets));
      if (watch.isAway()) onAway();
    },

    async rest() {
      isStarted = false;
      await Promise.all([mover.stop(), fallback.rest(), primary.rest()]);
    },

    async close() {
      if (!watch.isAway()) {
        await mover.bringNotes().catch(onFault);
        await primary.totals.flush().catch(onFault);
      }
      watch.stop();
      await primary.close().catch(onFault);
      await fallback.close();
    },

    health: () => healthOfBoth(watch, look, fallback),

    warnings,
  };
}

/** Tells once that the primary store is away, once for whatever else turns out to be the matter, and that it is back. */
function absenceTold(tell: FailoverParts["tell"]) {
  /** `null`: it is there, or nobody was told yet. */
  let told: Set<string> | null = null;

  function stays(trouble: StoreTrouble | null): void {
    const code = trouble?.code ?? "";
    if (told === null || told.has(code) || (code === "" && told.size > 0)) return;
    told.add(code);
    tell({ kind: "store_away", trouble });
  }

  return {
    begins(trouble: StoreTrouble | null): void {
      told ??= new Set();
      stays(trouble);
    },
    stays,
    ends(): void {
      if (told !== null) tell({ kind: "store_back" });
      told = null;
    },
  };
}

/** Tells of each change between taking new tickets in and refusing to. */
function refusalsTold(tell: FailoverParts["tell"]) {
  let told = "";
  return (refusal: StoreTrouble | null): void => {
    const code = refusal?.code ?? "";
    if (code === told) return;
    told = code;
    tell(refusal === null ? { kind: "store_accepts" } : { kind: "store_refuses", trouble: refusal });
  };
}

async function healthOfBoth(
  watch: Pick<Watch, "ask" | "trouble">,
  look: () => Promise<PrimaryHealth>,
  fallback: Pick<FallbackStore, "health">,
): Promise<FailoverHealth> {
  const [there, here] = await Promise.all([watch.ask(look).catch(awayAsNull), fallback.health()]);
  return { primary: there, trouble: there === null ? watch.trouble() : there.trouble, fallback: here };
}

/** Looks how the primary store is, and tells of its warnings whenever they have changed. */
function healthOf(
  primary: Pick<PrimaryStore, "health">,
  tell: FailoverParts["tell"],
  onTaking: (refusal: StoreTrouble | null) => void,
) {
  let warnings: readonly string[] = [];
  return {
    async look(): Promise<PrimaryHealth> {
      const found = await primary.health();
      onTaking(found.trouble);
      const areNew = found.warnings.join() !== warnings.join();
      warnings = found.warnings;
      if (areNew) tell({ kind: "store_warnings", warnings });
      return found;
    },
    warnings: () => warnings,
  };
}

function failoverKeys(primary: Pick<PrimaryStore, "keys">, watch: Pick<Watch, "ask">): Keys {
  return {
    begin: (...given) => watch.ask(() => primary.keys.begin(...given)),
    end: (...given) => watch.ask(() => primary.keys.end(...given)),
  };
}

/** Works on a ticket that the primary store has claimed for this process. */
async function runPrimary(
  run: Run,
  claimed: ClaimedTicket,
  gates: FailoverGates,
  tickets: FailoverTickets,
): Promise<void> {
  gates.began(claimed.permit, "primary");
  tickets.began(claimed);
  try {
    await run(claimed);
  } finally {
    gates.ended(claimed.permit);
    tickets.ended(claimed);
  }
}

/** Works on one of this process' own store. */
async function runFallback(run: Run, claimed: ClaimedTicket, gates: FailoverGates): Promise<void> {
  gates.began(claimed.permit, "fallback");
  await run(claimed).finally(() => gates.ended(claimed.permit));
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
