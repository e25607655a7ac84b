/**
 * A shared store as the primary one, and this process' own as a full engine for as long as the shared one is away.
 *
 * What is asked of the shared store and is not answered (`watch.ts`) is done here instead: live calls are let in by the gate here, tickets are
 * kept here under marked ids (`marked-id.ts`), outcomes of its claims are noted here. Whatever it held can't be reached until it is back
 * (`StoreAway`); then `mover.ts` brings it all there.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { TicketPolicy } from "../../domain/ticket/ticket.ts";
import {
  StoreAway,
  type ClaimedTicket,
  type Clock,
  type Door,
  type Gate,
  type Keys,
  type Tickets,
  type Totals,
} from "../../gateway/ports.ts";
import type { SharedHealth, SharedStore } from "./shared-store.ts";
import { failoverGates, type FailoverGates } from "./gate.ts";
import { failoverTickets, type FailoverTickets } from "./tickets.ts";
import { bringTotals, failoverTotals } from "./totals.ts";
import type { LocalStore } from "./local-store.ts";
import { createMover } from "./mover.ts";
import type { FailoverEvent } from "../../telemetry/failover.ts";
import { createWatch, type Watch } from "./watch.ts";

export interface FailoverParts {
  readonly shared: SharedStore;
  readonly local: LocalStore;
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
  /** While the shared store is away there are none: it may have the key's record, and one key must never make two calls. */
  readonly keys: Keys;
  readonly totals: Totals;
  /** Looks for the shared store once, and from then on by itself. To be awaited before the first request. */
  look(): Promise<void>;
  close(): Promise<void>;
  health(): Promise<FailoverHealth>;
  /** What of the shared store's settings breaks a promise, as far as is known, a sentence each. */
  warnings(): readonly string[];
}

type Run = Parameters<Door["start"]>[0];

interface FailoverHealth {
  /** `null`: it is away. */
  readonly shared: SharedHealth | null;
  readonly local: { readonly isWell: boolean; readonly latencyMs: number };
}

export function createFailover(parts: FailoverParts): Failover {
  const { shared, local, policy, clock, newId, tell, onFault } = parts;
  let isStarted = false;
  let isToldAway = false;
  const { look, warnings } = healthOf(shared, tell);
  const mover = createMover({ local, shared: shared.tickets, watch: () => watch, clock, tell, onFault });
  const watch = createWatch({
    clock,
    health: look,
    onAway,
    beforeBack: mover.bringNotes,
    onBack() {
      if (isStarted) shared.resume();
      if (isToldAway) tell({ kind: "store_back" });
      isToldAway = false;
      mover.kickNow();
      bringTotals(local, shared).catch(onFault);
    },
    onFault,
  });
  const gates = failoverGates({ local, shared, watch });
  const tickets = failoverTickets({
    local,
    shared: shared.tickets,
    watch,
    clock,
    newId,
    longestLifeMs: policy.ttlMs + policy.leaseMs + policy.retentionMs,
    onNote: mover.kick,
  });
  local.moves.onMovable(mover.kick);

  function onAway(): void {
    shared.pause();
    isToldAway = true;
    tell({ kind: "store_away" });
  }

  return {
    gate: gates.of,
    tickets,
    keys: failoverKeys(shared, watch),
    totals: failoverTotals(local, shared, watch),

    look: watch.look,

    start(run) {
      isStarted = true;
      local.start((claimed) => runLocal(run, claimed, gates));
      shared.start((claimed) => runShared(run, claimed, gates, tickets));
      if (watch.isAway()) onAway();
    },

    async rest() {
      isStarted = false;
      await Promise.all([mover.stop(), local.rest(), shared.rest()]);
    },

    async close() {
      if (!watch.isAway()) {
        await mover.bringNotes().catch(onFault);
        await shared.totals.flush().catch(onFault);
      }
      watch.stop();
      await shared.close().catch(onFault);
      await local.close();
    },

    async health() {
      const [there, here] = await Promise.all([watch.ask(look).catch(awayAsNull), local.health()]);
      return { shared: there, local: here };
    },

    warnings,
  };
}

/** Looks how the shared store is, and tells of its warnings whenever they have changed. */
function healthOf(shared: Pick<SharedStore, "health">, tell: FailoverParts["tell"]) {
  let warnings: readonly string[] = [];
  return {
    async look(): Promise<SharedHealth> {
      const found = await shared.health();
      const areNew = found.warnings.join() !== warnings.join();
      warnings = found.warnings;
      if (areNew) tell({ kind: "store_warnings", warnings });
      return found;
    },
    warnings: () => warnings,
  };
}

function failoverKeys(shared: Pick<SharedStore, "keys">, watch: Pick<Watch, "ask">): Keys {
  return {
    begin: (...given) => watch.ask(() => shared.keys.begin(...given)),
    end: (...given) => watch.ask(() => shared.keys.end(...given)),
  };
}

/** Works on a ticket that the shared store has claimed for this process. */
async function runShared(
  run: Run,
  claimed: ClaimedTicket,
  gates: FailoverGates,
  tickets: FailoverTickets,
): Promise<void> {
  gates.began(claimed.permit, "shared");
  tickets.began(claimed);
  try {
    await run(claimed);
  } finally {
    gates.ended(claimed.permit);
    tickets.ended(claimed);
  }
}

/** Works on one of this process' own store. */
async function runLocal(run: Run, claimed: ClaimedTicket, gates: FailoverGates): Promise<void> {
  gates.began(claimed.permit, "local");
  await run(claimed).finally(() => gates.ended(claimed.permit));
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
