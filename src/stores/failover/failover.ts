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
  type StoreTrouble,
  type Tickets,
  type Totals,
} from "../../gateway/ports.ts";
import type { SharedHealth, SharedStore } from "./shared-store.ts";
import { failoverGates, type FailoverGates } from "./gate.ts";
import { failoverTickets, type FailoverTickets } from "./tickets.ts";
import { bringTotals, failoverTotals } from "./totals.ts";
import type { LocalHealth, LocalStore } from "./local-store.ts";
import { createMover } from "./mover.ts";
import type { FailoverEvent } from "../../telemetry/failover.ts";
import { createRooms } from "./reservations.ts";
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
  /** What is the matter with the shared store; `null`: nothing, or that isn't known. */
  readonly trouble: StoreTrouble | null;
  readonly local: LocalHealth;
}

export function createFailover(parts: FailoverParts): Failover {
  const { shared, local, policy, clock, newId, tell, onFault } = parts;
  let isStarted = false;
  const away = absenceTold(tell);
  const onTaking = refusalsTold(tell);
  const { look, warnings } = healthOf(shared, tell, onTaking);
  const mover = createMover({ local, shared: shared.tickets, watch: () => watch, clock, tell, onFault });
  const watch = createWatch({
    clock,
    health: look,
    onAway,
    onStillAway: () => away.stays(watch.trouble()),
    beforeBack: mover.bringNotes,
    onBack() {
      if (isStarted) shared.resume();
      away.ends();
      mover.kickNow();
      bringTotals(local, shared).catch(onFault);
    },
    onFault,
  });
  const rooms = createRooms(local, clock, newId);
  const gates = failoverGates({ local, shared, watch, rooms, clock });
  const tickets = failoverTickets({
    local,
    shared: shared.tickets,
    watch,
    rooms,
    clock,
    longestLifeMs: policy.ttlMs + policy.leaseMs + policy.retentionMs,
    onNote: mover.kick,
    onTaking,
  });
  local.moves.onMovable(mover.kick);

  function onAway(): void {
    shared.pause();
    away.begins(watch.trouble());
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
      return { shared: there, trouble: there === null ? watch.trouble() : there.trouble, local: here };
    },

    warnings,
  };
}

/** Tells once that the shared store is away, once for whatever else turns out to be the matter, and that it is back. */
function absenceTold(tell: FailoverParts["tell"]) {
  /** `null`: it is there, or nobody was told yet. */
  let told: Set<string> | null = null;

  function stays(trouble: StoreTrouble | null): void {
    const word = trouble?.word ?? "";
    if (told === null || told.has(word) || (word === "" && told.size > 0)) return;
    told.add(word);
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
    const word = refusal?.word ?? "";
    if (word === told) return;
    told = word;
    tell(refusal === null ? { kind: "store_accepts" } : { kind: "store_refuses", trouble: refusal });
  };
}

/** Looks how the shared store is, and tells of its warnings whenever they have changed. */
function healthOf(
  shared: Pick<SharedStore, "health">,
  tell: FailoverParts["tell"],
  onTaking: (refusal: StoreTrouble | null) => void,
) {
  let warnings: readonly string[] = [];
  return {
    async look(): Promise<SharedHealth> {
      const found = await shared.health();
      onTaking(found.trouble);
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
