/**
 * One stored ticket and the object round it: the keeper that ships (`src/engine/ticket-keeper.ts`), over a row that survives what is in memory.
 * Whoever runs the keeper may die between any two of its steps.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { AttemptOutcome } from "../../../src/domain/ticket/moves.ts";
import {
  isEnded,
  isForgotten,
  queueItemOf,
  type CancelledBy,
  type GateNotice,
  type Spent,
  type Ticket,
  type TicketEvent,
} from "../../../src/domain/ticket/ticket.ts";
import type { SeenTicket } from "../../../src/engine/claims.ts";
import type { TicketKeeper } from "../../../src/engine/ticket-keeper.ts";
import type {
  AdmissionQuestion,
  AskedRow,
  Listener,
  OpenRow,
  TicketRow,
  TicketRules,
} from "../../../src/engine/ticket-parts.ts";
import type { Draft } from "../../../src/gateway/ports.ts";
import { createAlarm } from "./alarm.ts";
import { indexEntryOf, isMissingInIndex } from "../../../src/engine/ticket-index.ts";
import type { TicketListener } from "../../../src/engine/ticket-listeners.ts";
import type { IndexObject } from "./index-object.ts";
import type { GateObject } from "./gate-object.ts";
import { createLife, die, type Life } from "./life.ts";
import type { Told } from "./told/told-world.ts";
import type { Ask, Target } from "./network.ts";
import type { TicketWatch } from "./watch-tickets.ts";
import type { WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface TicketObject extends Target {
  create(draft: Draft): ReturnType<TicketKeeper["create"]>;
  load(): ReturnType<TicketKeeper["load"]>;
  look(): Promise<SeenTicket | null>;
  claim(permit: string, asProbe: boolean, early?: boolean): ReturnType<TicketKeeper["claim"]>;
  settle(fence: number, outcome: AttemptOutcome): ReturnType<TicketKeeper["settle"]>;
  giveBack(fence: number, spent?: Spent): ReturnType<TicketKeeper["giveBack"]>;
  cancel(by: CancelledBy): ReturnType<TicketKeeper["cancel"]>;
  /** Has the ticket tell its gate how it stands. @returns false: there is no such ticket */
  remind(): Promise<boolean>;
  /** The process that held the ticket's claim is dead. */
  processDied(alone: boolean): void;
  /** After a start of the process that holds the ticket. */
  wakeUp(): void;
  /** Alarm or not, this is what is stored. */
  stored(): Ticket | null;
  /** What its gate is asked, as stored. */
  asked(): AdmissionQuestion | null;
  /** How long the gate was asked. */
  gateMs(): number;
}

export interface TicketObjectParts {
  readonly world: World;
  readonly ask: Ask;
  readonly id: string;
  readonly gateOf: (provider: ProviderName) => GateObject;
  readonly watch: TicketWatch;
  readonly clock: WallClock;
  /** Of a tenant; `null`: there is none. */
  readonly indexOf: ((tenant: string) => IndexObject) | null;
  /** Of the process that holds the ticket, and its gate; `null`: the object lives on its own. */
  readonly processLife: (() => Life) | null;
  /** Who is told of it in the same store; `null`: nobody is. */
  readonly told: Told | null;
}

const noticeLimitMs = 2_000;
/** After an alarm whose work was cut short, the platform rings again. */
const againMs = 2_000;

/** For the watches: the verb in whose course a row is written. */
const verbs = new AsyncLocalStorage<string>();

export function createTicketObject(parts: TicketObjectParts): TicketObject {
  const { world, ask, id, gateOf, watch, clock, indexOf, processLife, told } = parts;
  const { scheduler, seams, plan } = world;
  const name = `ticket ${id.slice(0, 8)}`;
  let stored: Ticket | null = null;
  let storedAsked: AdmissionQuestion | null = null;
  /** How far the index has heard, as stored. */
  let indexHeard = 0;
  let gateMs = 0;
  const alarm = createAlarm(world, clock, ring);

  let ownLife = createLife(name);
  /** What is in memory, and dies with its life. */
  let kept: { readonly life: Life; readonly keeper: TicketKeeper } | null = null;

  function life(): Life {
    if (processLife) return processLife();
    if (!ownLife.isAlive) {
      ownLife = createLife(name);
      if (stored !== null || storedAsked !== null) keeper().wakeUp(alarm.atMs() !== null);
    }
    return ownLife;
  }

  function keeper(): TicketKeeper {
    const present = life();
    if (kept === null || kept.life !== present) kept = { life: present, keeper: keeperIn(present) };
    return kept.keeper;
  }

  function keeperIn(present: Life): TicketKeeper {
    /** What the watches are told of a move when it is written. */
    const decided: (() => void)[] = [];
    let isOpen = false;
    /** What is written now will not be stored. */
    let isInVain = false;

    /** @returns true: whoever runs the keeper is dead, and goes no further */
    function dies(when: string): boolean {
      if (!present.isAlive) return true;
      if (!world.strikes(processLife === null ? "object_dies" : "crash_at_effect")) return false;
      world.note(present.name, `dies ${when}`);
      die(present);
      return true;
    }

    /** What is written and the alarm that is set meanwhile are stored together: nobody dies in between. */
    function inOne<T>(work: () => T): T {
      isOpen = true;
      try {
        return work();
      } finally {
        isOpen = false;
      }
    }

    /** A transaction that comes to nothing, with the process that began it. */
    function rollBack(work: (row: OpenRow) => unknown): void {
      isInVain = true;
      try {
        inOne(() => work({ ...open, write: () => {} }));
      } finally {
        isInVain = false;
      }
      decided.length = 0;
      told?.rollBack();
      world.note(present.name, "dies before it commits");
      die(present);
    }

    const row: TicketRow = {
      read: () => stored,
      async change(work) {
        if (dies("before it writes")) return await never();
        if (told !== null && verbs.getStore() === "settle" && world.strikes("rolls_back")) {
          rollBack(work);
          return await never();
        }
        const reply = inOne(() => work(open));
        told?.commit(id);
        for (const tell of decided.splice(0)) tell();
        return dies("after it has written") ? await never() : reply;
      },
      async erase() {
        if (stored === null && storedAsked === null) return;
        if (dies("before it erases")) return await never();
        if (stored !== null) watch.forgotten(stored);
        if (storedAsked !== null) watch.gone(storedAsked, gateOf(storedAsked.provider).places());
        stored = null;
        storedAsked = null;
        indexHeard = 0;
        alarm.clear();
        if (dies("after it has erased")) return await never();
      },
    };

    const askedRow: AskedRow = {
      read: () => storedAsked,
      write: (asked) => void (storedAsked = asked),
    };

    const open: OpenRow = {
      read: () => stored,
      insert(ticket, events, nowMs) {
        if (stored !== null && !isForgotten(stored, nowMs)) return stored;
        stored = null;
        write(ticket, events);
        return null;
      },
      write,
    };

    const { moves } = seams;
    const rules: TicketRules = {
      noticeOf: seams.noticeOf,
      ticketDueMs: seams.ticketDueMs,
      moves: {
        ...moves,
        claim(ticket, permit, ...rest) {
          const moved = moves.claim(ticket, permit, ...rest);
          decided.push(() => watch.claimed(id, permit, moved.reply));
          return moved;
        },
        settle: heardOf(moves.settle),
        giveBack: heardOf(moves.giveBack),
        claimantDied: heardOf(moves.claimantDied),
      },
    };

    function heardOf<Rest extends readonly unknown[]>(
      act: (ticket: Ticket, fence: number, ...rest: Rest) => ReturnType<typeof moves.settle>,
    ): typeof act {
      return (ticket, fence, ...rest) => {
        const moved = act(ticket, fence, ...rest);
        decided.push(() => watch.settled(id, fence, moved.reply));
        return moved;
      };
    }

    function askGate(ticket: Ticket, notice: GateNotice, atMs: number, isUnheard: boolean): Promise<void> {
      const gate = gateOf(ticket.about.provider);
      const verb = `${notice.kind} of ${id.slice(0, 8)}`;
      const run = () => {
        hear(gate, ticket, notice, { atMs, isUnheard });
        watch.heard(id, notice.event);
      };
      return ask(present, gate, verb, run, noticeLimitMs);
    }

    function listenerIn(from: Life, of: NonNullable<typeof indexOf>): TicketListener {
      return {
        heard: () => indexHeard,
        noteHeard: (event) => void (indexHeard = event),
        isMissing: isMissingInIndex,
        tell(ticket) {
          const index = of(ticket.about.tenant);
          const entry = indexEntryOf(ticket, plan.policy);
          return ask(from, index, `note of ${id.slice(0, 8)}`, () => index.note(entry));
        },
      };
    }

    /** A gate in the same process. */
    function tellGate(ticket: Ticket, notice: GateNotice): void {
      if (dies(`before ${notice.kind}`)) return;
      hear(gateOf(ticket.about.provider), ticket, notice);
      dies(`after ${notice.kind}`);
    }

    const away: Listener = {
      kind: "away",
      asked: askedRow,
      tell: askGate,
      async admit({ provider, item }, notBeforeMs, atMs) {
        const gate = gateOf(provider);
        const sinceMs = scheduler.nowMs();
        const answer = await ask(
          present,
          gate,
          `admit of ${id.slice(0, 8)}`,
          () => {
            const admitted = gate.admit(item, notBeforeMs, atMs);
            if (admitted.kind === "admitted") watch.admitted(item);
            return admitted;
          },
          noticeLimitMs,
        );
        gateMs = scheduler.nowMs() - sinceMs;
        return answer;
      },
      withdraw({ provider, item }) {
        watch.withdrawn(item);
        const gate = gateOf(provider);
        return ask(present, gate, `withdraw ${id.slice(0, 8)}`, () => gate.withdraw(item), noticeLimitMs);
      },
    };

    const here: Listener = {
      kind: "here",
      tell: tellGate,
      admit({ provider, item }, notBeforeMs) {
        if (dies("before admit")) return { kind: "full" };
        const admitted = gateOf(provider).admit(item, notBeforeMs);
        dies("after admit");
        return admitted;
      },
      withdraw: ({ provider, item }) => gateOf(provider).withdraw(item),
    };

    return seams.createTicketKeeper(
      {
        row,
        setAlarm(atMs) {
          if (isInVain) return;
          if (!isOpen && dies("before it sets its alarm")) return;
          alarm.set(Math.max(atMs, clock.nowMs() + 1));
        },
        gate: processLife === null ? away : here,
        nowMs: clock.nowMs,
        policy: () => plan.policy,
        random: world.random("backoff").next,
        later: (work) => void work,
        follower: null,
        ...(told !== null && { written: stagedIn(told) }),
        listeners: indexOf === null ? [] : seams.listeners([listenerIn(present, indexOf)]),
      },
      rules,
    );
  }

  function write(ticket: Ticket, events: readonly TicketEvent[]): void {
    const before = stored;
    stored = seams.written(ticket);
    watch.written(verbs.getStore() ?? "elapse", before, stored, events, clock);
  }

  function stagedIn(of: Told) {
    return (ticket: Ticket, events: readonly TicketEvent[]) => {
      of.stage(ticket, events);
      seams.inMove(ticket, events, of.naive);
    };
  }

  /** Whoever is told must not be waited for. */
  async function settle(...given: Parameters<TicketKeeper["settle"]>) {
    const askedAtMs = scheduler.nowMs();
    const settled = await keeper().settle(...given);
    if (told === null) return settled;
    if (stored !== null && isEnded(stored.state)) await seams.afterSettle(stored, told.naive);
    told.settled(id, askedAtMs);
    return settled;
  }

  function ring(): void {
    // A process that is down looks after its tickets when it is up again.
    if (stored === null && storedAsked === null) return;
    if (processLife !== null && !processLife().isAlive) return;
    if (world.strikes("object_dies") && processLife === null) die(ownLife);
    const present = life();
    const again = () => {
      if (processLife === null && alarm.atMs() === null) scheduler.after(againMs, ring);
    };
    if (!present.isAlive) return again();
    present.onDeath.add(again);
    behind("elapse", () =>
      keeper()
        .ring()
        .finally(() => present.onDeath.delete(again)),
    );
  }

  /** Work that nobody waits for. */
  function behind(verb: string, work: () => Promise<unknown>): void {
    verbs
      .run(verb, work)
      .catch((error: unknown) => world.violate("no bugs", `${verb}: ${String(error)}`, id));
  }

  return {
    name,
    life,
    create: (draft) => verbs.run("create", () => keeper().create(draft)),
    load: () => verbs.run("load", () => keeper().load()),
    look: () =>
      verbs.run("load", async () => {
        const ticket = await keeper().load();
        return ticket && { ticket, nowMs: clock.nowMs() };
      }),
    claim: (...given) => verbs.run("claim", () => keeper().claim(...given)),
    settle: (...given) => verbs.run("settle", () => settle(...given)),
    giveBack: (...given) => verbs.run("give back", () => keeper().giveBack(...given)),
    cancel: (by) => verbs.run("cancel", () => keeper().cancel(by)),
    remind: () => verbs.run("remind", () => keeper().remind()),
    processDied(alone) {
      if (stored?.state.status !== "processing") return;
      const { fence } = stored.progress;
      behind("its process died", () => keeper().claimantDied(fence, alone));
    },
    wakeUp() {
      if (stored === null) return;
      keeper().arm();
      behind("wake up", () => keeper().remind());
    },
    stored: () => stored,
    asked: () => storedAsked,
    gateMs: () => gateMs,
  };
}

/** @param said the ticket's clock, and whether its index has not heard of it; absent: the clock is the gate's own, and there is no index */
function hear(
  gate: GateObject,
  ticket: Ticket,
  notice: GateNotice,
  { atMs, isUnheard = false }: { readonly atMs?: number; readonly isUnheard?: boolean } = {},
): void {
  switch (notice.kind) {
    case "enqueue":
      return gate.enqueue(queueItemOf(ticket), notice.notBeforeMs, atMs);
    case "requeue":
      return gate.requeue(queueItemOf(ticket), notice, atMs);
    case "remove":
      return gate.remove(ticket.about.id, notice.keptBytes, isUnheard ? queueItemOf(ticket) : undefined);
  }
}

/** What the dead were about to do. */
function never(): Promise<never> {
  return new Promise(() => {});
}
