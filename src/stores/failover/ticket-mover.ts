/**
 * Moves tickets from this process' own store to the shared one. Each step can be repeated: a ticket is marked, so that nobody here touches it any
 * more; the primary store takes the ticket in, unless it has it; its row here is deleted. A crash between any two leaves the ticket marked, and
 * so with one owner.
 */
import type { FailoverEvent } from "../../telemetry/events.ts";
import type { FallbackMoves, Movable } from "./fallback-store.ts";
import { isRefusal, type PrimaryTickets } from "./primary-store.ts";
import type { Ask } from "./watch.ts";

export interface TicketMoverParts {
  readonly moves: FallbackMoves;
  readonly primary: Pick<PrimaryTickets, "adopt" | "load">;
  readonly tell: (event: FailoverEvent) => void;
}

/** Few enough that a store that goes away in the middle holds up only these. */
const batch = 16;

/** @param isStopped begin with no others @returns false: the store has refused some */
export async function moveTickets(
  { moves, primary, tell }: TicketMoverParts,
  ask: Ask,
  isStopped: () => boolean,
): Promise<boolean> {
  let count = 0;
  try {
    for (;;) {
      const marked = isStopped() ? [] : await moves.mark(batch);
      if (marked.length === 0) return true;
      const { adopted, refused, lost } = await adoptAll(primary, ask, marked);
      if (adopted.length > 0) await moves.moved(adopted);
      if (refused.length > 0) await moves.stay(refused);
      count += adopted.length;
      if (lost !== undefined) throw lost;
      if (refused.length > 0) return false;
    }
  } finally {
    if (count > 0) tell({ kind: "tickets_moved", count });
  }
}

async function adoptAll(primary: TicketMoverParts["primary"], ask: Ask, marked: readonly Movable[]) {
  const tried = await Promise.allSettled(marked.map((movable) => adopt(primary, ask, movable)));
  const ids = (which: "adopted" | "refused") =>
    marked
      .filter((_, index) => {
        const outcome = tried[index];
        return outcome?.status === "fulfilled" && outcome.value === which;
      })
      .map(({ ticket }) => ticket.about.id);
  // Of these nobody knows: they stay marked until the store says.
  const lost = tried.find((outcome) => outcome.status === "rejected");
  return { adopted: ids("adopted"), refused: ids("refused"), lost: lost?.reason as unknown };
}

async function adopt(
  primary: TicketMoverParts["primary"],
  ask: Ask,
  { ticket, events, isFresh }: Movable,
): Promise<"adopted" | "refused"> {
  try {
    await ask(() => primary.adopt(ticket, events));
    return "adopted";
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (isFresh) return "refused";
    // The store was asked before, and that question may still arrive: only that the ticket is there can be known.
    if ((await ask(() => primary.load(ticket.about.id))) === null) throw error;
    return "adopted";
  }
}
