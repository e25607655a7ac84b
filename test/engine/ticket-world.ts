/** One ticket's keeper over a row in memory, and a gate that answers or doesn't. */
import type { QueueItem } from "../../src/domain/gate/places.ts";
import type { Admitted } from "../../src/domain/gate/view.ts";
import type { Ticket, TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { createTicketKeeper } from "../../src/engine/ticket-keeper.ts";
import type { AdmissionQuestion, Listener, TicketKeeperParts } from "../../src/engine/ticket-parts.ts";
import { StoreAway } from "../../src/gateway/ports.ts";
import { policy } from "../stores/mirror/some-ticket.ts";

export const startMs = 1_000_000;

const estimate = { position: 3, why: "turn", waitMs: 5_000, opensAtMs: startMs } as const;

export function world(changes: Partial<TicketKeeperParts> = {}) {
  /** What the gate was asked and told. */
  const told: string[] = [];
  const writes: (readonly TicketEvent[])[] = [];
  const state = {
    nowMs: startMs,
    isAway: false,
    alarmAtMs: Infinity,
    alarmsSet: 0,
    rung: 0,
    stored: null as Ticket | null,
    asked: null as AdmissionQuestion | null,
    admitted: { kind: "admitted", estimate } as Admitted,
    /** What the gate was asked about, in order. */
    items: [] as QueueItem[],
  };
  const write = (ticket: Ticket, events: readonly TicketEvent[]) => {
    state.stored = ticket;
    writes.push(events);
  };
  const gate: Listener = {
    kind: "away",
    asked: { read: () => state.asked, write: (asked) => void (state.asked = asked) },
    async tell(_, { kind }) {
      told.push(kind);
      if (state.isAway) throw new StoreAway("away");
    },
    async admit({ item }) {
      told.push("admit");
      state.items.push(item);
      if (state.isAway) throw new StoreAway("away");
      return state.admitted;
    },
    async withdraw({ item }) {
      told.push("withdraw");
      state.items.push(item);
      if (state.isAway) throw new StoreAway("away");
    },
  };
  const make = () =>
    createTicketKeeper({
      row: {
        read: () => state.stored,
        change: async (work) =>
          work({
            read: () => state.stored,
            insert(ticket, events) {
              if (state.stored !== null) return state.stored;
              write(ticket, events);
              return null;
            },
            write,
          }),
        async erase() {
          state.stored = null;
          state.asked = null;
          state.alarmAtMs = Infinity;
        },
      },
      setAlarm(atMs) {
        if (atMs !== state.alarmAtMs) state.alarmsSet++;
        state.alarmAtMs = atMs;
      },
      gate,
      nowMs: () => state.nowMs,
      policy: () => policy,
      random: () => 0.5,
      later: (work) => void work,
      follower: null,
      ...changes,
    });
  let keeper = make();
  return {
    state,
    gate,
    told,
    writes,
    get keeper() {
      return keeper;
    },
    /** It loses what it had in memory. */
    revive() {
      keeper = make();
      keeper.wakeUp(state.alarmAtMs < Infinity);
    },
    /** Lets the alarm ring as often as it is set until then. */
    async until(atMs: number) {
      while (state.alarmAtMs <= atMs) {
        state.nowMs = state.alarmAtMs;
        state.alarmAtMs = Infinity;
        state.rung++;
        await keeper.ring();
      }
      state.nowMs = atMs;
    },
  };
}
