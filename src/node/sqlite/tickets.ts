/** Tickets in SQLite: one row each, their texts and their events beside it, all changed in one transaction. Each has its keeper for a verb. */
import type { DatabaseSync } from "node:sqlite";
import { isEnded, isForgotten, type Ticket, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import { clockSlackMs } from "../../domain/ticket/set-back.ts";
import type { QueueItem } from "../../domain/gate/places.ts";
import type { Start, Starter } from "../../domain/gate/queue.ts";
import type { ClaimableTickets } from "../../engine/claims.ts";
import { createTicketKeeper, type TicketKeeper } from "../../engine/ticket-keeper.ts";
import type { OpenRow, TicketKeeperParts, TicketRow } from "../../engine/ticket-parts.ts";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { decodedTicket } from "../../engine/ticket-codec.ts";
import { listTickets, presentCopy, type ListEntry } from "../../engine/ticket-list.ts";
import {
  StoreAway,
  type ClaimedTicket,
  type Created,
  type Draft,
  type TicketList,
  type TicketQuery,
} from "../../gateway/ports.ts";
import type { Tell } from "../../telemetry/events.ts";
import type { SqliteGate } from "./gate.ts";
import type { GroupCommit } from "./group-commit.ts";
import { eventsReader, ticketRows } from "./ticket-rows.ts";

export interface SqliteTicketsParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly policy: TicketPolicy;
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly gate: (provider: ProviderName) => Pick<SqliteGate, "admit" | "withdraw" | "settled">;
  /** Hears of every ticket that has moved and does not run, after the commit, in order; and of one that is reminded. */
  readonly onTold: (ticket: Ticket) => void;
  /** A new ticket was stored. */
  readonly onKept: () => void;
  /** Something happens to a ticket at this moment. */
  readonly onDue: (atMs: number) => void;
  readonly tell: Tell;
  /** Hears of each ticket that something has happened to, after the commit. */
  readonly onMoved?: (ticket: Ticket) => void;
  /** Something was deleted that should leave no trace. */
  readonly onErased: () => void;
  /** See `TicketKeeperParts`. Absent: nobody is to be told. */
  readonly written?: NonNullable<TicketKeeperParts["written"]> | undefined;
  /** Hears of a ticket that could not be brought to the present by itself. */
  readonly onFault: (error: unknown) => void;
}

export interface SqliteTickets extends ClaimableTickets {
  /**
   * Claims a ticket where its gate lets it be called for, both in one transaction. Can be repeated with the same permit.
   *
   * @param start asks the gate; perhaps more than once, where the transaction must be run again
   */
  claimInTurn(
    id: string,
    permit: string,
    start: (item: QueueItem, starter: Starter) => Start,
  ): Promise<ClaimedInTurn>;
  /** As `create`, and does `beside` in the same transaction. */
  keep(draft: Draft, beside: () => void): Promise<Created>;
  /** Has a ticket tell how it stands. @returns false: there is no such ticket */
  remind(id: string): Promise<boolean>;
  /** When the next ticket expires, loses its claim or is forgotten; `null`: none will. */
  firstDueMs(): number | null;
  /** Lets that happen for all whose time has come. */
  elapseDue(): Promise<void>;
  /** After the clock may have been set back: all that it says of tickets lies as much earlier. Nothing, where it was not. */
  toPresent(): Promise<void>;
  /** Those that have not ended, without their texts. */
  unfinished(): readonly Ticket[];
  /** The process that held the claims is dead, and this one is its successor. */
  claimantsDied(): Promise<void>;
  /** This process ends: what it still has in flight goes back unharmed. */
  giveBackAll(): Promise<void>;
}

interface ClaimedInTurn {
  /** False: there is no such ticket, or none any more. */
  readonly isThere: boolean;
  /** `null`: the ticket is not to be called for now. */
  readonly claimed: ClaimedTicket | null;
}

const nothingBeside = () => {};

/** With record and events, as they are counted for the queue too. */
function bytesOf({ about }: Draft): number {
  return about.storedBytes ?? about.sizeBytes;
}

/** Tickets that are brought to the present in one go. */
const batch = 100;
/** Rows that one list looks at: some 10 ms of the process. */
const mostSeen = 1_000;

type Rows = ReturnType<typeof ticketRows>;
/**
 * The keeper of one ticket, for one verb.
 *
 * @param beside is done in every transaction, before the rest of it
 * @param addsBytes see `GroupCommit`
 */
type KeeperOf = (id: string, beside?: () => void, addsBytes?: number | null) => TicketKeeper;

export function sqliteTickets(parts: SqliteTicketsParts): SqliteTickets {
  const rows = ticketRows(parts.sql, parts.onFault);
  const keeperOf = keepers(parts, rows);
  const eventsOf = eventsReader(parts.sql);
  return {
    ...verbs(parts, keeperOf),
    ...all(parts, rows, keeperOf),
    list: (query) => list(parts, rows, query),
    events: async (id) => parts.commits.read(() => eventsOf(id)),
    firstDueMs: () => parts.commits.read(rows.firstDueMs),
    unfinished: () => parts.commits.read(rows.unfinished),
  };
}

function keepers({ gate, nowMs, policy, random, ...parts }: SqliteTicketsParts, rows: Rows): KeeperOf {
  return (id, beside = nothingBeside, addsBytes = null) => {
    const { row, setAlarm } = rowOf(parts, rows, id, beside, addsBytes);
    return createTicketKeeper({
      row,
      setAlarm,
      gate: {
        kind: "here",
        tell: parts.onTold,
        admit: ({ provider, item }, notBeforeMs) => gate(provider).admit(item, notBeforeMs),
        withdraw: ({ provider, item }) => gate(provider).withdraw(item),
      },
      nowMs,
      policy: () => policy,
      random,
      later: (work) => void work,
      ...(parts.written && { written: parts.written }),
      onEnd: parts.tell,
      ...(parts.onMoved && { onMoved: parts.onMoved }),
      follower: null,
    });
  };
}

function rowOf(
  { commits, onDue, onErased }: Pick<SqliteTicketsParts, "commits" | "onDue" | "onErased">,
  rows: Rows,
  id: string,
  beside: () => void,
  addsBytes: number | null,
): { readonly row: TicketRow; readonly setAlarm: (atMs: number) => void } {
  /** Of the transaction that ran last. */
  let hasEnded = false;
  let dueMs = Infinity;

  const open: OpenRow = {
    read: () => rows.find(id),
    insert(ticket, events, atMs) {
      // An id that is taken is seldom, so nobody looks for one first.
      if (rows.insert(ticket, events)) return null;
      const there = rows.find(id);
      if (there !== null && !isForgotten(there, atMs)) return there;
      rows.remove(id);
      rows.insert(ticket, events);
      return null;
    },
    write(ticket, events) {
      rows.update(ticket, events);
      hasEnded = isEnded(ticket.state);
    },
  };

  return {
    row: {
      read: () => commits.read(() => rows.find(id)),
      async change(work) {
        const reply = await commits.write(() => {
          hasEnded = false;
          dueMs = Infinity;
          beside();
          return work(open);
        }, addsBytes);
        onDue(dueMs);
        if (hasEnded) onErased();
        return reply;
      },
      async erase() {
        await commits.write(() => rows.remove(id));
        onErased();
      },
    },
    // The row holds the moment too (`due_ms`), in the same transaction.
    setAlarm(atMs) {
      dueMs = atMs;
    },
  };
}

function verbs(
  { gate, onKept }: SqliteTicketsParts,
  keeperOf: KeeperOf,
): Omit<ClaimableTickets, "list" | "events"> & Pick<SqliteTickets, "keep" | "remind" | "claimInTurn"> {
  async function keep(draft: Draft, beside: () => void): Promise<Created> {
    const { id, provider } = draft.about;
    const created = await keeperOf(id, beside, bytesOf(draft)).create(draft);
    if (created.kind === "kept") onKept();
    await gate(provider).settled();
    return created;
  }

  return {
    keep,
    create: (draft) => keep(draft, nothingBeside),
    load: (id) => keeperOf(id).load(),
    claim: (id, permit, asProbe, early) => keeperOf(id).claim(permit, asProbe, early),
    settle: (id, fence, outcome) => keeperOf(id).settle(fence, outcome),
    giveBack: (id, fence, spent) => keeperOf(id).giveBack(fence, spent),
    cancel: (id, by) => keeperOf(id).cancel(by),
    remind: (id) => keeperOf(id).remind(),

    async claimInTurn(id, permit, start) {
      const answered = await keeperOf(id).claimInTurn(permit, start);
      return { isThere: answered !== null, claimed: answered?.claimed ?? null };
    },
  };
}

/** Without their texts. One that moves is as it was when it was marked. */
function list(
  { commits, nowMs, policy, onFault }: SqliteTicketsParts,
  rows: Rows,
  query: TicketQuery,
): Promise<TicketList> {
  function readNow(record: string): ListEntry["ticket"] {
    try {
      return presentCopy(decodedTicket(record, null), nowMs(), policy);
    } catch (error) {
      // Newer code wrote it; or it holds no ticket.
      if (!(error instanceof StoreAway)) onFault(error);
      return "away";
    }
  }

  return listTickets(query, mostSeen, async (after, most) => {
    const listed = commits.read(() => rows.listed(query.tenant, after, most));
    const entries = listed.map(({ record, ...at }) => ({ ...at, ticket: readNow(record) }));
    return { entries, isLast: listed.length < most, complete: true };
  });
}

/** What is done to many at once. */
function all(
  { commits, nowMs, onFault }: SqliteTicketsParts,
  rows: Rows,
  keeperOf: KeeperOf,
): Pick<SqliteTickets, "elapseDue" | "toPresent" | "claimantsDied" | "giveBackAll"> {
  /** @returns false: it could not be done now */
  async function elapseOne(id: string): Promise<boolean> {
    try {
      await keeperOf(id).ring();
      return true;
    } catch (error) {
      onFault(error);
      return false;
    }
  }

  const inFlight = () => commits.read(rows.inFlight);

  return {
    async toPresent() {
      const ids = commits.read(() => rows.movedSince(nowMs() + clockSlackMs));
      for (let at = 0; at < ids.length; at += batch) {
        await Promise.all(ids.slice(at, at + batch).map(elapseOne));
      }
    },

    async elapseDue() {
      for (;;) {
        const ids = commits.read(() => rows.due(nowMs(), batch));
        const done = await Promise.all(ids.map(elapseOne));
        // Tickets that can't be read must not keep the others from their turn, nor us here.
        if (ids.length < batch || !done.includes(true)) return;
      }
    },

    async claimantsDied() {
      const theirs = inFlight();
      const alone = theirs.length === 1;
      await Promise.all(theirs.map(({ id, fence }) => keeperOf(id).claimantDied(fence, alone)));
    },

    async giveBackAll() {
      await Promise.all(inFlight().map(({ id, fence }) => keeperOf(id).giveBack(fence)));
    },
  };
}
