/**
 * One ticket as an actor: what makes the machine of `domain/ticket/moves.ts` live over one stored row, the same for a Durable Object, a row of
 * SQLite, and memory.
 *
 * A ticket begins with its gate's word (`ticket-creation.ts`). From then on every verb is one move. The move is stored whole, with its events and
 * with the alarm that the ticket needs next, before anybody hears of it (`ticket-notices.ts`). The alarm also brings the ticket to its end, and
 * forgets it after its retention.
 */
import type { QueueItem } from "../domain/gate/places.ts";
import type { Start, Starter } from "../domain/gate/queue.ts";
import * as moves from "../domain/ticket/moves.ts";
import type { AttemptOutcome, Settled } from "../domain/ticket/moves.ts";
import type { Moved } from "../domain/ticket/steps.ts";
import {
  noticeOf,
  isEnded,
  isForgotten,
  queueItemOf,
  ticketDueMs,
  type CancelledBy,
  type Spent,
  type Ticket,
  type TicketPolicy,
} from "../domain/ticket/ticket.ts";
import type { ClaimAnswer } from "./claims.ts";
import type { ClaimedTicket, Created, Draft } from "../gateway/ports.ts";
import { notedRow } from "./noted-row.ts";
import { createCreation } from "./ticket-creation.ts";
import { createNotices, type Notices } from "./ticket-notices.ts";
import type { TicketKeeperParts, TicketRules } from "./ticket-parts.ts";

export interface TicketKeeper {
  /** Keeps it, unless there is one that is not forgotten, if its gate admits it. Asked again meanwhile, it is the same question. */
  create(draft: Draft): Promise<Created>;
  /** While the gate is being asked, waits for its answer. */
  load(): Promise<Ticket | null>;
  claim(permit: string, asProbe: boolean, early?: boolean): Promise<ClaimAnswer | null>;
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
  /** Sets the alarm that the ticket needs. */
  arm(): void;
  /** A new life has begun: what another one has asked its gate is withdrawn. @param isArmed an alarm is set */
  wakeUp(isArmed: boolean): void;
}

const stale: Settled = { kind: "stale" };

export function createTicketKeeper(
  given: TicketKeeperParts,
  rules: TicketRules = { moves, noticeOf, ticketDueMs },
): TicketKeeper {
  const { written } = given;
  const parts = written === undefined ? given : { ...given, row: notedRow(given.row, written) };
  const { row, gate, nowMs, later, follower } = parts;
  const { cancel, claim, elapse } = rules.moves;
  const notices = createNotices(parts, rules);
  const creation = createCreation(parts, rules, notices);
  const { move, present } = createMoving(parts, rules, notices);
  const { tell } = notices;

  return {
    ...endsOfClaims(parts, rules, move, tell),
    create: creation.create,

    async load() {
      await creation.answered();
      const ticket = await present();
      later(ticket === null ? creation.withdraw() : tell());
      later(notices.tellOthers());
      return ticket;
    },

    async claim(permit, asProbe, early) {
      const moved = await move((known, atMs, inForce) => claim(known, permit, asProbe, atMs, inForce, early));
      later(tell());
      return moved && { claimed: moved.reply, ticket: moved.ticket, nowMs: nowMs() };
    },

    async claimInTurn(permit, start) {
      const moved = await move((known, atMs, inForce) =>
        claimInTurn(rules, known, permit, start, atMs, inForce),
      );
      later(tell());
      return moved && { claimed: moved.reply };
    },

    async cancel(by) {
      await creation.answered();
      const moved = await move((known, atMs, inForce) => cancel(known, by, atMs, inForce));
      later(tell());
      return moved?.ticket ?? null;
    },

    async remind() {
      if (gate.kind === "here") {
        const ticket = await present();
        if (ticket !== null) notices.tellHere(ticket);
        return ticket !== null;
      }
      await creation.answered();
      const moved = await move((known, atMs, inForce) => untold(elapse(known, atMs, inForce)));
      await (moved === null ? creation.withdraw() : tell());
      return moved !== null;
    },

    async ring() {
      if (await creation.ring()) return;
      const moved = await move((known, atMs, inForce) => {
        const elapsed = elapse(known, atMs, inForce);
        return notices.mustSpeakUp(elapsed.ticket, atMs) ? untold(elapsed) : elapsed;
      });
      if (moved === null) return await row.erase();
      await Promise.all([tell(), follower?.bring(), notices.tellOthers()]);
    },

    arm: notices.armNow,

    wakeUp(isArmed) {
      later(creation.withdraw());
      // One that was given up by the platform would leave the ticket where it is.
      if (!isArmed) notices.armNow();
    },
  };
}

type Move = <Reply>(
  act: (known: Ticket, atMs: number, policy: TicketPolicy) => Moved<Reply>,
) => Promise<Moved<Reply> | null>;

/** Moves of who has the claim, or is known to have had it. */
function endsOfClaims(
  { random }: TicketKeeperParts,
  { moves: { claimantDied, giveBack, settle } }: TicketRules,
  move: Move,
  tell: () => Promise<void>,
): Pick<TicketKeeper, "settle" | "giveBack" | "claimantDied"> {
  async function end(act: Parameters<typeof move<Settled>>[0]): Promise<Settled> {
    const moved = await move(act);
    await tell();
    return moved?.reply ?? stale;
  }

  return {
    settle: (fence, outcome) =>
      end((known, atMs, inForce) => settle(known, fence, outcome, atMs, inForce, random())),
    giveBack: (fence, spent) => end((known, atMs, inForce) => giveBack(known, fence, atMs, inForce, spent)),
    claimantDied: (fence, alone) =>
      end((known, atMs, inForce) => claimantDied(known, fence, alone, atMs, inForce)),
  };
}

/** How a ticket that is there is moved, and seen. */
function createMoving(
  { row, nowMs, policy }: TicketKeeperParts,
  { moves: { elapse } }: TicketRules,
  notices: Notices,
) {
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
      notices.arm(moved.ticket, atMs, moved.events.length > 0);
      return { moved, isNew };
    });
    if (changed === null) return null;
    const { moved, isNew } = changed;
    if (isNew) notices.isStored(moved);
    return moved;
  }

  /** The ticket after what time has brought. Most often that is nothing, and no transaction is needed to know it. */
  async function present(): Promise<Ticket | null> {
    const atMs = nowMs();
    const known = row.read();
    if (known === null || isForgotten(known, atMs)) return null;
    if (elapse(known, atMs, policy()).ticket === known) return known;
    return (await move(elapse))?.ticket ?? null;
  }

  return { move, present };
}

/** Its claim, where its gate lets it be called for. */
function claimInTurn(
  { moves: { claim, elapse } }: TicketRules,
  known: Ticket,
  permit: string,
  start: (item: QueueItem, starter: Starter) => Start,
  atMs: number,
  policy: TicketPolicy,
): Moved<ClaimedTicket | null> {
  const elapsed = elapse(known, atMs, policy);
  const { state, progress } = elapsed.ticket;
  const isAnothers = state.status === "processing" && state.claim.permit !== permit;
  if (isEnded(state) || isAnothers) return { ...elapsed, reply: null };
  const notBeforeMs = state.status === "queued" ? state.notBeforeMs : atMs;
  const { suspect, updatedAtMs: sinceMs } = progress;
  const started = start(queueItemOf(elapsed.ticket), { permit, notBeforeMs, suspect, sinceMs });
  if (started.kind !== "call") return { ...elapsed, reply: null };
  const { epoch, asProbe, early } = started;
  const { ticket, events, reply } = claim(elapsed.ticket, permit, asProbe, atMs, policy, early);
  const claimed =
    reply.kind === "claimed"
      ? { ticket, permit, epoch, fence: reply.fence, leaseLeftMs: reply.leaseEndsAtMs - atMs }
      : null;
  return { ticket, events: [...elapsed.events, ...events], reply: claimed };
}

/** So that the gate is told how the ticket stands, whatever it was told before. */
function untold<Reply>(moved: Moved<Reply>): Moved<Reply> {
  const { ticket } = moved;
  if (ticket.progress.gateHeard === 0) return moved;
  return { ...moved, ticket: { ...ticket, progress: { ...ticket.progress, gateHeard: 0 } } };
}
