/**
 * One ticket as an actor: what makes the machine of `domain/ticket/moves.ts` live over one stored row, the same for a Durable Object, a row of
 * SQLite, and memory.
 *
 * Every verb is one move. The move is stored whole, with its events and with the alarm that the ticket needs next, before anybody hears of it.
 * Then the gate is told what it must hear (`noticeOf`) until it has answered: by the verb, and where that fails, by the alarm. A ticket that
 * waits speaks to a distant gate unasked, too. The alarm also brings the ticket to its end, and forgets it after its retention.
 */
import * as moves from "../domain/ticket/moves.ts";
import type { AttemptOutcome, Claimed, Settled } from "../domain/ticket/moves.ts";
import type { Moved } from "../domain/ticket/steps.ts";
import {
  noticeOf,
  isEnded,
  isForgotten,
  queueItemOf,
  ticketDueMs,
  type CancelledBy,
  type GateNotice,
  type Spent,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "../domain/ticket/ticket.ts";
import type { QueueItem } from "../domain/gate/places.ts";
import type { Start, Starter } from "../domain/gate/queue.ts";
import type { ClaimedTicket, Draft } from "../gateway/ports.ts";
import { againAtMs, createListening, type TicketListener } from "./ticket-listeners.ts";

/** Where one ticket is stored. */
export interface TicketRow {
  /** As it is stored now; `null`: there is none. */
  read(): Ticket | null;
  /**
   * Runs `work` as one transaction, perhaps more than once: all that it writes, and the alarm that it sets, is stored together or not at all.
   *
   * @returns what `work` returned, once that is stored
   */
  change<T>(work: (row: OpenRow) => T): Promise<T>;
  /** Removes all that is stored of the ticket, its alarm included. Where there is nothing, nothing happens. */
  erase(): Promise<void>;
}

/** The row within a transaction. */
export interface OpenRow {
  read(): Ticket | null;
  /**
   * Stores a new ticket, unless there is one that is not forgotten.
   *
   * @returns the one that is there; `null`: there was none, and the new one is stored
   */
  insert(ticket: Ticket, events: readonly TicketEvent[], nowMs: number): Ticket | null;
  /** Texts never change, and go with the end. Without events nothing has happened to the ticket: what its gate has heard is noted. */
  write(ticket: Ticket, events: readonly TicketEvent[]): void;
}

/** The gate of a ticket's provider, as the ticket tells it what it must hear. */
type Listener =
  /** In the same memory as the ticket's process: it hears at once, so nobody notes that it did. Its start tells it of every ticket. */
  | { readonly kind: "here"; tell(ticket: Ticket, notice: GateNotice): void }
  /** Rejects where the gate may not have heard. */
  | { readonly kind: "away"; tell(ticket: Ticket, notice: GateNotice): Promise<void> };

/** Who else is brought each change of the ticket, behind its verbs. */
export interface Follower {
  /** Never throws. */
  bring(): Promise<void>;
  /** When an alarm is to bring the ticket again, in epoch milliseconds. `null`: at no time, or it is being brought. */
  dueMs(): number | null;
}

export interface TicketKeeperParts {
  readonly row: TicketRow;
  /** Calls `ring` at this moment or later, and no more at the one set before. Within `row.change` it is stored with what is written. */
  readonly setAlarm: (atMs: number) => void;
  readonly gate: Listener;
  /** The store's clock, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly policy: () => TicketPolicy;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Lets work that no verb waits for come to its end. It never rejects. */
  readonly later: (work: Promise<void>) => void;
  /** `null`: there is nobody else. */
  readonly follower: Follower | null;
  /** Who else must hear of the ticket, a hop away. Absent: nobody. */
  readonly listeners?: readonly TicketListener[];
}

/** A ticket's machine. Proofs plant deliberate bugs in it. */
export interface TicketRules {
  readonly moves: typeof moves;
  readonly noticeOf: typeof noticeOf;
  readonly ticketDueMs: typeof ticketDueMs;
}

export interface TicketKeeper {
  /** Stores it, unless there is one that is not forgotten. */
  create(draft: Draft): Promise<Ticket>;
  load(): Promise<Ticket | null>;
  claim(
    permit: string,
    asProbe: boolean,
    early?: boolean,
  ): Promise<{ readonly claimed: Claimed; readonly ticket: Ticket } | null>;
  /**
   * Claims the ticket where its gate, which is in the same store, lets it be called for: both in one transaction. Can be repeated with the same
   * permit.
   *
   * @param start asks the gate; perhaps more than once, where the transaction must be run again
   * @returns `claimed: null`: the ticket is not to be called for now. `null`: there is no such ticket
   */
  claimInTurn(
    permit: string,
    start: (item: QueueItem, starter: Starter) => Start,
  ): Promise<{ readonly claimed: ClaimedTicket | null } | null>;
  settle(fence: number, outcome: AttemptOutcome): Promise<Settled>;
  giveBack(fence: number, spent?: Spent): Promise<Settled>;
  /** @returns the ticket as it is then: it may have ended otherwise. `null`: there is no such ticket */
  cancel(by: CancelledBy): Promise<Ticket | null>;
  /** The process that holds the claim with this token is dead. @param alone nothing else was in flight there */
  claimantDied(fence: number, alone: boolean): Promise<Settled>;
  /** Tells the gate how the ticket stands, whatever it was told before. @returns false: there is no such ticket */
  remind(): Promise<boolean>;
  /** The alarm: lets happen what time has brought, and tells what is still to be told. Rejects where the row can't be read or written. */
  ring(): Promise<void>;
  /** Sets the alarm, where none is known to be set. */
  arm(): void;
}

/** A ticket that waits speaks to a distant gate as often, unasked: the gate may have lost its places, or have been set back to an earlier day. */
const speakUpMs = 600_000;

const stale: Settled = { kind: "stale" };

export function createTicketKeeper(
  parts: TicketKeeperParts,
  rules: TicketRules = { moves, noticeOf, ticketDueMs },
): TicketKeeper {
  const { row, setAlarm, gate, nowMs, policy, random, later, follower, listeners = [] } = parts;
  const { acceptTicket, cancel, claim, claimantDied, elapse, gateHeard, giveBack, settle } = rules.moves;
  /** A distant gate is being told; resolves when it has heard all, or can't be reached. */
  let telling: Promise<void> | null = null;
  const listening = createListening(listeners, row, armNow);

  /** One move of a ticket that is there. Where it changes nothing, nothing is written. */
  async function move<Reply>(
    act: (known: Ticket, atMs: number, policy: TicketPolicy) => Moved<Reply>,
  ): Promise<Moved<Reply> | null> {
    const changed = await row.change((open) => {
      const atMs = nowMs();
      const known = open.read();
      if (known === null || isForgotten(known, atMs)) return null;
      const moved = act(known, atMs, policy());
      const isNew = moved.ticket !== known;
      if (isNew) open.write(moved.ticket, moved.events);
      arm(moved.ticket, atMs, moved.events.length > 0);
      return { moved, isNew };
    });
    if (changed === null) return null;
    const { moved, isNew } = changed;
    if (isNew) isStored(moved);
    return moved;
  }

  function isStored({ ticket, events }: Moved<unknown>): void {
    tellHere(ticket);
    if (follower !== null && events.length > 0) later(follower.bring());
    if (listeners.length > 0) later(listening.tell());
  }

  /** The ticket after what time has brought. Most often that is nothing, and no transaction is needed to know it. */
  async function present(): Promise<Ticket | null> {
    const atMs = nowMs();
    const known = row.read();
    if (known === null || isForgotten(known, atMs)) return null;
    if (elapse(known, atMs, policy()).ticket === known) return known;
    return (await move(elapse))?.ticket ?? null;
  }

  function tellHere(ticket: Ticket): void {
    if (gate.kind === "away") return;
    const notice = rules.noticeOf(ticket);
    if (notice !== null) gate.tell(ticket, notice);
  }

  /** Tells a distant gate what it hasn't heard, one thing after another, so that the last one told is the last that happened. */
  async function tell(): Promise<void> {
    if (gate.kind === "here" || missing() === null) return;
    await (telling ??= tellAll(gate.tell));
  }

  function missing(): { readonly ticket: Ticket; readonly notice: GateNotice } | null {
    const ticket = row.read();
    const notice = ticket === null ? null : rules.noticeOf(ticket);
    return ticket === null || notice === null ? null : { ticket, notice };
  }

  async function tellAll(say: (ticket: Ticket, notice: GateNotice) => Promise<void>): Promise<void> {
    try {
      for (let next = missing(); next !== null; next = missing()) {
        const { ticket, notice } = next;
        await say(ticket, notice);
        await row.change((open) => {
          const since = open.read();
          if (since === null) return;
          const heard = gateHeard(since, notice.event);
          if (heard !== since) open.write(heard, []);
        });
      }
    } catch {
      // The alarm will tell it.
    } finally {
      // In the same breath as the last look: what happens from here on is told anew.
      telling = null;
      armNow();
    }
  }

  function armNow(): void {
    const ticket = row.read();
    if (ticket !== null) arm(ticket, nowMs(), false);
  }

  /** @param isFollowed the follower is about to be brought the ticket, and needs no alarm */
  function arm(ticket: Ticket, atMs: number, isFollowed: boolean): void {
    const dueMs = rules.ticketDueMs(ticket);
    const followerMs = isFollowed ? null : (follower?.dueMs() ?? null);
    const gateMs = gate.kind === "here" ? Infinity : noticeDueMs(ticket, atMs);
    setAlarm(Math.min(dueMs, gateMs, followerMs ?? Infinity, listening.dueMs(ticket, atMs)));
  }

  /** When a distant gate is to hear of the ticket next: what it has not answered, or that the ticket still waits. */
  function noticeDueMs(ticket: Ticket, atMs: number): number {
    const silenceMs = silenceOf(ticket, atMs);
    const speakUpAtMs = atMs - silenceMs + (Math.floor(silenceMs / speakUpMs) + 1) * speakUpMs;
    return Math.min(
      rules.noticeOf(ticket) === null ? Infinity : againAtMs(silenceMs, atMs),
      isEnded(ticket.state) ? Infinity : speakUpAtMs,
    );
  }

  function mustSpeakUp(ticket: Ticket, atMs: number): boolean {
    return gate.kind === "away" && !isEnded(ticket.state) && silenceOf(ticket, atMs) >= speakUpMs;
  }

  return {
    async create({ about, texts, spent, lastFailure, notBeforeMs }) {
      const moved = await row.change((open) => {
        const atMs = nowMs();
        const inForce = policy();
        const accepted = acceptTicket(about, texts, spent, lastFailure, notBeforeMs, atMs, inForce);
        const there = open.insert(accepted.ticket, accepted.events, atMs);
        const present = there === null ? accepted : elapse(there, atMs, inForce);
        if (there !== null && present.ticket !== there) open.write(present.ticket, present.events);
        arm(present.ticket, atMs, present.events.length > 0);
        return present;
      });
      isStored(moved);
      if (gate.kind === "here") return moved.ticket;
      await tell();
      return row.read() ?? moved.ticket;
    },

    async load() {
      const ticket = await present();
      later(tell());
      if (listeners.length > 0) later(listening.tell());
      return ticket;
    },

    async claim(permit, asProbe, early) {
      const moved = await move((known, atMs, inForce) => claim(known, permit, asProbe, atMs, inForce, early));
      later(tell());
      return moved && { claimed: moved.reply, ticket: moved.ticket };
    },

    async claimInTurn(permit, start) {
      const moved = await move<ClaimedTicket | null>((known, atMs, inForce) => {
        const elapsed = elapse(known, atMs, inForce);
        const { state, progress } = elapsed.ticket;
        const isAnothers = state.status === "processing" && state.claim.permit !== permit;
        if (isEnded(state) || isAnothers) return { ...elapsed, reply: null };
        const notBeforeMs = state.status === "queued" ? state.notBeforeMs : atMs;
        const { suspect, updatedAtMs: sinceMs } = progress;
        const started = start(queueItemOf(elapsed.ticket), { permit, notBeforeMs, suspect, sinceMs });
        if (started.kind !== "call") return { ...elapsed, reply: null };
        const { epoch, asProbe, early } = started;
        const { ticket, events, reply } = claim(elapsed.ticket, permit, asProbe, atMs, inForce, early);
        const claimed =
          reply.kind === "claimed"
            ? { ticket, permit, epoch, fence: reply.fence, leaseEndsAtMs: reply.leaseEndsAtMs }
            : null;
        return { ticket, events: [...elapsed.events, ...events], reply: claimed };
      });
      later(tell());
      return moved && { claimed: moved.reply };
    },

    async settle(fence, outcome) {
      const moved = await move((known, atMs, inForce) =>
        settle(known, fence, outcome, atMs, inForce, random()),
      );
      await tell();
      return moved?.reply ?? stale;
    },

    async giveBack(fence, spent) {
      const moved = await move((known, atMs, inForce) => giveBack(known, fence, atMs, inForce, spent));
      await tell();
      return moved?.reply ?? stale;
    },

    async cancel(by) {
      const moved = await move((known, atMs, inForce) => cancel(known, by, atMs, inForce));
      later(tell());
      return moved?.ticket ?? null;
    },

    async claimantDied(fence, alone) {
      const moved = await move((known, atMs, inForce) => claimantDied(known, fence, alone, atMs, inForce));
      await tell();
      return moved?.reply ?? stale;
    },

    async remind() {
      if (gate.kind === "here") {
        const ticket = await present();
        if (ticket !== null) tellHere(ticket);
        return ticket !== null;
      }
      const moved = await move((known, atMs, inForce) => untold(elapse(known, atMs, inForce)));
      await tell();
      return moved !== null;
    },

    async ring() {
      const moved = await move((known, atMs, inForce) => {
        const elapsed = elapse(known, atMs, inForce);
        return mustSpeakUp(elapsed.ticket, atMs) ? untold(elapsed) : elapsed;
      });
      if (moved === null) return await row.erase();
      await Promise.all([tell(), follower?.bring(), listening.tell()]);
    },

    arm: armNow,
  };
}

/** So that the gate is told how the ticket stands, whatever it was told before. */
function untold<Reply>(moved: Moved<Reply>): Moved<Reply> {
  const { ticket } = moved;
  if (ticket.progress.gateHeard === 0) return moved;
  return { ...moved, ticket: { ...ticket, progress: { ...ticket.progress, gateHeard: 0 } } };
}

/** Since something last happened to the ticket. */
function silenceOf({ progress }: Ticket, atMs: number): number {
  return Math.max(0, atMs - progress.updatedAtMs);
}
