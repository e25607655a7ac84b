/** Tickets in SQLite: one row each, their texts and their events beside it, all changed in one transaction. */
import type { DatabaseSync } from "node:sqlite";
import {
  acceptTicket,
  claim,
  claimantDied,
  elapse,
  giveBack,
  settle,
  type Claimed,
} from "../../domain/ticket/moves.ts";
import type { Moved } from "../../domain/ticket/steps.ts";
import { isEnded, isForgotten, seatOf, type Ticket, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import type { Seat } from "../../domain/gate/places.ts";
import type { Start, Starter } from "../../domain/gate/queue.ts";
import type { ClaimableTickets } from "../../engine/claims.ts";
import type { ClaimedTicket, Draft } from "../../gateway/ports.ts";
import type { GroupCommit } from "./group-commit.ts";
import { ticketRows } from "./ticket-rows.ts";

export interface SqliteTicketsParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly policy: TicketPolicy;
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Hears of every ticket that was stored, after the commit, in order. */
  readonly onStored: (ticket: Ticket) => void;
  /** Something was deleted that should leave no trace. */
  readonly onErased: () => void;
  /** Hears of a ticket that could not be brought to the present by itself. */
  readonly onFault: (error: unknown) => void;
}

export interface SqliteTickets extends ClaimableTickets {
  /**
   * Claims a ticket where its gate lets it be called for, both in one transaction. Can be repeated with the same permit.
   *
   * @param start asks the gate; perhaps more than once, where the transaction must be run again
   */
  take(id: string, permit: string, start: (seat: Seat, starter: Starter) => Start): Promise<Taken>;
  /** As `create`, and does `beside` in the same transaction. */
  keep(draft: Draft, beside: () => void): Promise<Ticket>;
  /** When the next ticket expires, loses its claim or is forgotten; `null`: none will. */
  firstDueMs(): number | null;
  /** Lets that happen for all whose time has come. */
  elapseDue(): Promise<void>;
  /** Those that have not ended, without their texts. */
  unfinished(): readonly Ticket[];
  /** The process that held the claims is dead, and this one is its successor. */
  claimantsDied(): Promise<void>;
  /** This process ends: what it still has in flight goes back unharmed. */
  giveBackAll(): Promise<void>;
}

interface Taken {
  /** False: there is no such ticket, or none any more. */
  readonly isThere: boolean;
  /** `null`: the ticket is not to be called for now. */
  readonly claimed: ClaimedTicket | null;
}

const nothingBeside = () => {};

/** Tickets that are brought to the present in one go. */
const batch = 100;

export function sqliteTickets(parts: SqliteTicketsParts): SqliteTickets {
  const { commits, policy, nowMs, random, onStored, onErased, onFault } = parts;
  const rows = ticketRows(parts.sql, onFault);

  /** @returns `null`: there is no such ticket */
  function present(id: string): Ticket | null {
    const known = rows.find(id);
    return known === null || isForgotten(known, nowMs()) ? null : known;
  }

  /** One move of a ticket that is there. Where it changes nothing, nothing is written. */
  async function change<Reply>(
    id: string,
    act: (ticket: Ticket, nowMs: number) => Moved<Reply>,
  ): Promise<Moved<Reply> | null> {
    const changed = await commits.write(() => {
      const known = present(id);
      if (known === null) return null;
      const moved = act(known, nowMs());
      const isNew = moved.ticket !== known;
      if (isNew) rows.update(moved.ticket, moved.events);
      return { moved, isNew };
    });
    if (changed === null) return null;
    const { moved, isNew } = changed;
    if (isNew) onStored(moved.ticket);
    if (isNew && isEnded(moved.ticket.state)) onErased();
    return moved;
  }

  /** @returns false: it could not be done now */
  async function elapseOne(id: string): Promise<boolean> {
    try {
      const moved = await change(id, (ticket, now) => elapse(ticket, now, policy));
      if (moved !== null) return true;
      await commits.write(() => rows.remove(id));
      onErased();
      return true;
    } catch (error) {
      onFault(error);
      return false;
    }
  }

  const inFlight = () => commits.read(rows.inFlight);

  async function keep(
    { about, texts, spent, lastFailure, notBeforeMs }: Draft,
    beside: () => void,
  ): Promise<Ticket> {
    const ticket = await commits.write(() => {
      beside();
      const { ticket: accepted, events } = acceptTicket(
        about,
        texts,
        spent,
        lastFailure,
        notBeforeMs,
        nowMs(),
        policy,
      );
      // An id that is taken is seldom, so nobody looks for one first.
      if (rows.insert(accepted, texts, events)) return accepted;
      const known = present(about.id);
      if (known !== null) return known;
      rows.remove(about.id);
      rows.insert(accepted, texts, events);
      return accepted;
    });
    onStored(ticket);
    return ticket;
  }

  return {
    keep,
    create: (draft) => keep(draft, nothingBeside),

    async load(id) {
      const known = commits.read(() => present(id));
      if (known === null || elapse(known, nowMs(), policy).ticket === known) return known;
      const moved = await change(id, (ticket, now) => elapse(ticket, now, policy));
      return moved && moved.ticket;
    },

    async claim(id, permit, asProbe, early) {
      const moved = await change(id, (ticket, now) => claim(ticket, permit, asProbe, now, policy, early));
      return moved && { claimed: moved.reply, ticket: moved.ticket };
    },

    async take(id, permit, start) {
      const moved = await change<ClaimedTicket | null>(id, (ticket, now) => {
        const present = elapse(ticket, now, policy);
        const { state, progress } = present.ticket;
        const isAnothers = state.status === "processing" && state.claim.permit !== permit;
        if (isEnded(state) || isAnothers) return present;
        const notBeforeMs = state.status === "queued" ? state.notBeforeMs : now;
        const { suspect, updatedAtMs: sinceMs } = progress;
        const started = start(seatOf(present.ticket), { permit, notBeforeMs, suspect, sinceMs });
        if (started.kind !== "call") return present;
        const { epoch, asProbe, early } = started;
        const { ticket: after, events, reply } = claim(present.ticket, permit, asProbe, now, policy, early);
        return {
          ticket: after,
          events: [...present.events, ...events],
          reply: reply.kind === "claimed" ? claimedTicket(after, permit, epoch, reply) : null,
        };
      });
      return { isThere: moved !== null, claimed: moved?.reply ?? null };
    },

    async settle(id, fence, outcome) {
      const moved = await change(id, (ticket, now) => settle(ticket, fence, outcome, now, policy, random()));
      return moved?.reply ?? { kind: "stale" };
    },

    async giveBack(id, fence, spent) {
      const moved = await change(id, (ticket, now) => giveBack(ticket, fence, now, policy, spent));
      return moved?.reply ?? { kind: "stale" };
    },

    firstDueMs: () => commits.read(rows.firstDueMs),

    async elapseDue() {
      for (;;) {
        const ids = commits.read(() => rows.due(nowMs(), batch));
        const done = await Promise.all(ids.map(elapseOne));
        // Tickets that can't be read must not keep the others from their turn, nor us here.
        if (ids.length < batch || !done.includes(true)) return;
      }
    },

    unfinished: () => commits.read(rows.unfinished),

    async claimantsDied() {
      const theirs = inFlight();
      const alone = theirs.length === 1;
      await Promise.all(
        theirs.map(({ id, fence }) =>
          change(id, (ticket, now) => claimantDied(ticket, fence, alone, now, policy)),
        ),
      );
    },

    async giveBackAll() {
      await Promise.all(
        inFlight().map(({ id, fence }) => change(id, (ticket, now) => giveBack(ticket, fence, now, policy))),
      );
    },
  };
}

function claimedTicket(
  ticket: Ticket,
  permit: string,
  epoch: number,
  { fence, leaseEndsAtMs }: Extract<Claimed, { kind: "claimed" }>,
): ClaimedTicket {
  return { ticket, permit, epoch, fence, leaseEndsAtMs };
}
