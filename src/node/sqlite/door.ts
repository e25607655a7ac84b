/** The door of the store in SQLite: whatever its gates send is claimed in the same breath, and handed out. */
import type { QueueItem } from "../../domain/gate/places.ts";
import { StoreAway, type ClaimedTicket, type Door, type Ports } from "../../gateway/ports.ts";
import { untilAnswered } from "../../gateway/until-answered.ts";
import type { SqliteGate } from "./gate.ts";
import type { SqliteTickets } from "./tickets.ts";

export interface SqliteDoorParts extends Pick<Ports, "clock" | "random" | "newId"> {
  readonly tickets: Pick<SqliteTickets, "claimInTurn">;
  /** Hears of work that nobody awaits and that ended badly. */
  readonly onFault: (error: unknown, ticketId?: string) => void;
}

export interface SqliteDoor extends Door {
  /** A gate has sent this ticket. Before `start` it goes nowhere, and is sent again. */
  send(ticketId: string, gate: SqliteGate): void;
}

interface Begun {
  readonly item: QueueItem;
  readonly suspect: boolean;
}

/** How long a claim is tried where the disk takes nothing: well within what a lease has to spare. */
const claimMs = 5_000;

export function sqliteDoor(parts: SqliteDoorParts): SqliteDoor {
  const { clock, tickets, onFault } = parts;
  const working = new Set<Promise<void>>();
  let run: Parameters<Door["start"]>[0] | null = null;

  async function work(ticketId: string, gate: SqliteGate, runs: NonNullable<typeof run>): Promise<void> {
    const claimed = await claim(ticketId, gate);
    if (claimed !== null) await runs(claimed);
  }

  async function claim(ticketId: string, gate: SqliteGate): Promise<ClaimedTicket | null> {
    const permit = parts.newId();
    /** What the gate has let be called for. */
    let begun: Begun | null = null;
    const claimInTurn = () =>
      tickets.claimInTurn(ticketId, permit, (item, starter) => {
        const start = gate.start(item, starter);
        begun = start.kind === "call" ? { item, suspect: starter.suspect } : null;
        return start;
      });
    let claimed: ClaimedTicket | null = null;
    try {
      const answered = await claimInTurn().catch((error: unknown) => {
        // A ticket that can't be read has no turn to lose, and is sent again.
        if (begun === null || !(error instanceof StoreAway)) throw error;
        return untilAnswered(parts, claimInTurn, clock.monotonicMs() + claimMs);
      });
      if (answered?.isThere === false) gate.remove(ticketId);
      claimed = answered?.claimed ?? null;
    } finally {
      if (claimed === null) giveBack(begun, permit, gate);
    }
    // The turn of a probe must outlast this process too, before the call is made.
    await gate.settled();
    return claimed;
  }

  /** Whatever a start has taken: the permit, the place, the turn of a probe. The ticket is tried again, but not at once. */
  function giveBack(begun: Begun | null, permit: string, gate: SqliteGate): void {
    if (begun === null) return;
    const { item, suspect } = begun;
    gate.requeue(item, { permit, suspect, notBeforeMs: clock.nowMs() + claimMs });
  }

  return {
    send(ticketId, gate) {
      if (run === null) return;
      const worker = work(ticketId, gate, run)
        .catch((error: unknown) => onFault(error, ticketId))
        .finally(() => working.delete(worker));
      working.add(worker);
    },
    start(runs) {
      run = runs;
    },
    async rest() {
      while (working.size > 0) await Promise.all(working);
    },
  };
}
