/** One stored ticket and the object round it, as `src/cloudflare/ticket-object.ts` is: what is stored survives, what is in memory doesn't. */
import {
  isForgotten,
  seatOf,
  type Errand,
  type Spent,
  type Ticket,
  type TicketEvent,
} from "../../../src/domain/ticket/ticket.ts";
import type { AttemptOutcome, Claimed, Settled } from "../../../src/domain/ticket/moves.ts";
import type { Moved } from "../../../src/domain/ticket/steps.ts";
import type { Draft } from "../../../src/gateway/ports.ts";
import { createAlarm } from "./alarm.ts";
import type { GateObject } from "./gate-object.ts";
import { createLife, die, type Life } from "./life.ts";
import type { Ask, Target } from "./network.ts";
import type { TicketWatch } from "./watch-tickets.ts";
import type { World } from "./world.ts";

export interface TicketObject extends Target {
  create(draft: Draft): Promise<Ticket>;
  load(): Ticket | null;
  claim(
    permit: string,
    asProbe: boolean,
    early?: boolean,
  ): { readonly claimed: Claimed; readonly ticket: Ticket } | null;
  settle(fence: number, outcome: AttemptOutcome): Promise<Settled>;
  giveBack(fence: number, spent?: Spent): Promise<Settled>;
  /** Tells the gate how it stands, whatever it has told before. @returns false: there is no such ticket */
  remind(): Promise<boolean>;
  /** The process that held its claim is dead. */
  processDied(alone: boolean): void;
  /** After a start of the process that holds it. */
  wakeUp(): void;
  /** Alarm or not, this is what is stored. */
  stored(): Ticket | null;
}

export interface TicketObjectParts {
  readonly world: World;
  readonly ask: Ask;
  readonly id: string;
  readonly gateOf: (ticket: Ticket) => GateObject;
  readonly watch: TicketWatch;
  /** Of the process that holds it; `null`: it lives on its own. */
  readonly processLife: (() => Life) | null;
}

const shortestSilenceMs = 1_000;
const longestSilenceMs = 60_000;
const errandLimitMs = 2_000;

export function createTicketObject(parts: TicketObjectParts): TicketObject {
  const { world, ask, id, gateOf, watch, processLife } = parts;
  const { scheduler, seams, plan } = world;
  const { policy } = plan;
  const { moves } = seams;
  const name = `ticket ${id.slice(0, 8)}`;
  let stored: Ticket | null = null;
  const alarm = createAlarm(world, ring);

  let ownLife = createLife(name);
  /** The life in which the gate is being told, and when that is done. */
  let telling: { readonly life: Life; readonly done: Promise<void> } | null = null;

  function life(): Life {
    if (processLife) return processLife();
    if (!ownLife.isAlive) {
      ownLife = createLife(name);
      if (stored !== null && alarm.atMs() === null) arm();
    }
    return ownLife;
  }

  function move<Reply>(
    verb: string,
    act: (known: Ticket | null, nowMs: number) => Moved<Reply> | null,
  ): Moved<Reply> | null {
    life();
    const nowMs = scheduler.nowMs();
    const known = stored !== null && isForgotten(stored, nowMs) ? null : stored;
    const moved = act(known, nowMs);
    if (moved !== null && moved.ticket !== stored) write(verb, moved.ticket, moved.events);
    arm();
    return moved;
  }

  function moveKnown<Reply>(verb: string, act: (known: Ticket, nowMs: number) => Moved<Reply>) {
    return move(verb, (known, nowMs) => (known === null ? null : act(known, nowMs)));
  }

  function write(verb: string, ticket: Ticket, events: readonly TicketEvent[]): void {
    const before = stored;
    stored = seams.written(ticket);
    watch.written(verb, before, stored, events);
  }

  function tell(): Promise<void> {
    const present = life();
    if (telling === null || telling.life !== present) {
      const done = tellAll(present).finally(() => {
        if (telling?.done === done) telling = null;
        arm();
      });
      telling = { life: present, done };
    }
    return telling.done;
  }

  async function tellAll(present: Life): Promise<void> {
    try {
      for (;;) {
        const errand = stored === null ? null : seams.errandOf(stored);
        if (stored === null || errand === null) return;
        await tellGate(present, stored, errand);
        if (stored !== null) write("heard", moves.gateHeard(stored, errand.event), []);
      }
    } catch {
      // The alarm will tell it.
    }
  }

  function tellGate(present: Life, ticket: Ticket, errand: Errand): Promise<void> {
    const gate = gateOf(ticket);
    const seat = seatOf(ticket);
    const say = () => {
      switch (errand.kind) {
        case "confirm":
          return gate.confirm(seat, errand.notBeforeMs);
        case "park":
          return gate.park(seat, errand);
        case "release":
          return gate.release(id, errand.keptBytes);
      }
    };
    return ask(present, gate, `${errand.kind} of ${id.slice(0, 8)}`, say, errandLimitMs);
  }

  function arm(): void {
    if (stored === null) return;
    const nowMs = scheduler.nowMs();
    const silenceMs = nowMs - stored.progress.updatedAtMs;
    const againAtMs = nowMs + Math.min(Math.max(silenceMs, shortestSilenceMs), longestSilenceMs);
    const dueMs = seams.ticketDueMs(stored);
    const atMs = seams.errandOf(stored) === null ? dueMs : Math.min(dueMs, againAtMs);
    if (atMs !== Infinity) alarm.set(Math.max(atMs, nowMs + 1));
  }

  function ring(): void {
    // A process that is down looks after its tickets when it is up again.
    if (!life().isAlive || stored === null) return;
    if (world.strikes("object_dies") && processLife === null) die(ownLife);
    life();
    if (isForgotten(stored, scheduler.nowMs())) {
      watch.forgotten(stored);
      stored = null;
      return alarm.clear();
    }
    moveKnown("elapse", (known, nowMs) => moves.elapse(known, nowMs, policy));
    void tell();
  }

  const stale = { kind: "stale" } as const;
  return {
    name,
    life,
    async create({ about, texts, spent, lastFailure, notBeforeMs }) {
      const moved = move("create", (known, nowMs) =>
        known === null
          ? moves.acceptTicket(about, texts, spent, lastFailure, notBeforeMs, nowMs, policy)
          : moves.elapse(known, nowMs, policy),
      );
      await tell();
      if (moved === null) throw new Error("a new ticket was not made");
      return stored ?? moved.ticket;
    },
    load() {
      const moved = moveKnown("load", (known, nowMs) => moves.elapse(known, nowMs, policy));
      void tell();
      return moved === null ? null : moved.ticket;
    },
    claim(permit, asProbe, early) {
      const moved = moveKnown("claim", (known, nowMs) =>
        moves.claim(known, permit, asProbe, nowMs, policy, early),
      );
      void tell();
      watch.claimed(id, permit, moved?.reply ?? null);
      return moved === null ? null : { claimed: moved.reply, ticket: moved.ticket };
    },
    async settle(fence, outcome) {
      const random = world.random("backoff").next();
      const moved = moveKnown("settle", (known, nowMs) =>
        moves.settle(known, fence, outcome, nowMs, policy, random),
      );
      watch.settled(id, fence, moved?.reply ?? stale);
      await tell();
      return moved?.reply ?? stale;
    },
    async giveBack(fence, spent) {
      const moved = moveKnown("give back", (known, nowMs) =>
        moves.giveBack(known, fence, nowMs, policy, spent),
      );
      watch.settled(id, fence, moved?.reply ?? stale);
      await tell();
      return moved?.reply ?? stale;
    },
    async remind() {
      const moved = moveKnown("remind", (known, nowMs) => moves.elapse(known, nowMs, policy));
      if (moved === null || stored === null) return false;
      write("remind", { ...stored, progress: { ...stored.progress, gateHeard: 0 } }, []);
      await tell();
      return true;
    },
    processDied(alone) {
      if (stored?.state.status !== "processing") return;
      const { fence } = stored.progress;
      const died = moveKnown("its process died", (known, nowMs) =>
        moves.claimantDied(known, fence, alone, nowMs, policy),
      );
      watch.settled(id, fence, died?.reply ?? stale);
    },
    wakeUp() {
      if (stored === null) return;
      write("wake up", { ...stored, progress: { ...stored.progress, gateHeard: 0 } }, []);
      arm();
      void tell();
    },
    stored: () => stored,
  };
}
