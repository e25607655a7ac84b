/** Tickets in memory, each under the keeper that ships, with an alarm of its own. Their gates are in the same memory. */
import {
  isForgotten,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "../../src/domain/ticket/ticket.ts";
import { createTicketKeeper, type TicketKeeper } from "../../src/engine/ticket-keeper.ts";
import type { Listener, OpenRow } from "../../src/engine/ticket-parts.ts";
import type { DistantTickets } from "../../src/engine/claims.ts";
import { compare, listTickets, presentCopy } from "../../src/engine/ticket-list.ts";
import type { Clock } from "../../src/gateway/ports.ts";

/** Where they are stored. What it throws, the verb throws. */
export interface MemoryTable {
  find(id: string): Ticket | null;
  /** @param events those that are new */
  put(ticket: Ticket, events: readonly TicketEvent[]): void;
  remove(id: string): void;
  all(): Iterable<Ticket>;
  events(id: string): readonly TicketEvent[];
}

export interface MemoryTickets extends DistantTickets {
  /** @param nowMs the clock, unless told */
  keeperOf(id: string, nowMs?: () => number): TicketKeeper;
  /** No alarm of this ticket rings any more. */
  disarm(id: string): void;
  /** The process is dead: no alarm rings any more. */
  halt(): void;
}

export function memoryTickets(
  clock: Clock,
  policy: TicketPolicy,
  random: () => number,
  table: MemoryTable,
  gate: Omit<Extract<Listener, { kind: "here" }>, "kind">,
  onMoved: (ticket: Ticket) => void = () => {},
): MemoryTickets {
  const alarms = new Map<string, () => void>();
  let isHalted = false;

  function disarm(id: string): void {
    alarms.get(id)?.();
    alarms.delete(id);
  }

  function arm(id: string, atMs: number): void {
    disarm(id);
    if (isHalted) return;
    const cancel = clock.after(Math.max(1, atMs - clock.nowMs()), () => {
      alarms.delete(id);
      if (!isHalted) void keeperOf(id).ring();
    });
    alarms.set(id, cancel);
  }

  function keeperOf(id: string, nowMs = clock.nowMs): TicketKeeper {
    const open: OpenRow = {
      read: () => table.find(id),
      insert(ticket, events, atMs) {
        const there = table.find(id);
        if (there !== null && !isForgotten(there, atMs)) return there;
        table.remove(id);
        table.put(ticket, events);
        return null;
      },
      write: table.put,
    };
    return createTicketKeeper({
      row: {
        read: open.read,
        change: async (work) => work(open),
        async erase() {
          table.remove(id);
          disarm(id);
        },
      },
      setAlarm: (atMs) => arm(id, atMs),
      gate: { kind: "here", ...gate },
      nowMs,
      policy: () => policy,
      random,
      later: (work) => void work,
      onMoved,
      follower: null,
    });
  }

  return {
    keeperOf,
    create: (draft) => keeperOf(draft.about.id).create(draft),
    load: (id) => keeperOf(id).load(),
    async look(id) {
      const ticket = await keeperOf(id).load();
      return ticket && { ticket, nowMs: clock.nowMs() };
    },
    claim: (id, permit, asProbe, early) => keeperOf(id).claim(permit, asProbe, early),
    settle: (id, fence, outcome) => keeperOf(id).settle(fence, outcome),
    giveBack: (id, fence, spent) => keeperOf(id).giveBack(fence, spent),
    cancel: (id, by) => keeperOf(id).cancel(by),
    list: (query) =>
      listTickets(query, 1_000, async (after, most) => {
        const behind = Array.from(table.all(), (ticket) => {
          const { acceptedAtMs, id } = ticket.about;
          return { acceptedAtMs, id, ticket: presentCopy(ticket, clock.nowMs(), policy) };
        })
          .filter((entry) => after === null || compare(entry, after) > 0)
          .toSorted(compare);
        return { entries: behind.slice(0, most), isLast: behind.length <= most, complete: true };
      }),
    events: async (id) => table.events(id),
    disarm,
    halt() {
      isHalted = true;
      for (const id of alarms.keys()) disarm(id);
    },
  };
}
