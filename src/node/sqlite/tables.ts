/** The tables of the file, and who works on them: what changes in one is told to whom it concerns. */
import type { Ticket, TicketCopy } from "../../domain/ticket/ticket.ts";
import type { Actions, Clock, Feed, StoreTrouble } from "../../gateway/ports.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import type { StoreEvent, Tell } from "../../telemetry/events.ts";
import { sqliteActions } from "./actions.ts";
import type { Database } from "./database.ts";
import { sqliteDeliveries, type SqliteDeliveries, type SqliteDeliveriesParts } from "./deliveries.ts";
import { sqliteDoor, type SqliteDoor } from "./door.ts";
import { createEraser, type Eraser } from "./eraser.ts";
import { sqliteFeed } from "./feed.ts";
import { groupCommit, type GroupCommit } from "./group-commit.ts";
import { giveNotice, type SqliteGate } from "./gate.ts";
import { sqliteGates, type SqliteGates } from "./gates.ts";
import { sqliteKeys, type SqliteKeys } from "./keys.ts";
import { sqliteMoves, type SqliteMoves } from "./moves.ts";
import { sqliteNotes, type SqliteNotes } from "./notes.ts";
import { sqliteOutbox, type SqliteOutbox, type SqliteOutboxParts } from "./outbox.ts";
import { sqliteTickets, type SqliteTickets, type SqliteTicketsParts } from "./tickets.ts";
import { sqliteTotals, type SqliteTotals } from "./totals.ts";

export interface SqliteTablesParts {
  readonly settings: QueueSettings;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  /** Hears of work that nobody awaits and that ended badly: the store is away (`StoreAway`), or a bug. */
  readonly onFault: (error: unknown, ticketId?: string) => void;
  /** Hears of each change of what is the matter with the file, of gates, and of tickets that end. */
  readonly tell: Tell;
  /** Hears of each ticket that something has happened to, once that is stored. Absent: nobody does. */
  readonly onMoved?: (ticket: Ticket) => void;
  /** What the feed says of a ticket that has ended, as JSON. */
  readonly endedEvent: (ticket: TicketCopy) => string;
  /** Something may fall due at this moment. */
  readonly onDue: (atMs: number) => void;
  /** Whom ends of tickets are told from here. Absent: nobody. */
  readonly webhooks?: Pick<SqliteDeliveriesParts, "told" | "onEntered"> | undefined;
  /** Absent: nobody is told of every ticket. */
  readonly bus?: SqliteBusParts | undefined;
}

export interface SqliteBusParts extends Pick<SqliteOutboxParts, "render" | "onAdded" | "mostKept"> {
  /** False: another store writes, and what is in the file is from before it did. */
  readonly isWritten: boolean;
}

export interface SqliteTables {
  readonly commits: GroupCommit;
  readonly eraser: Eraser;
  readonly gates: SqliteGates;
  readonly tickets: SqliteTickets;
  readonly keys: SqliteKeys;
  readonly totals: SqliteTotals;
  readonly actions: Actions;
  readonly feed: Feed;
  readonly notes: SqliteNotes;
  readonly moves: SqliteMoves;
  readonly door: SqliteDoor;
  /** `null`: nobody is told from here. */
  readonly deliveries: SqliteDeliveries | null;
  readonly outbox: SqliteOutbox | null;
}

export function sqliteTables(database: Database, parts: SqliteTablesParts): SqliteTables {
  const { settings, clock } = parts;
  const { nowMs } = clock;
  const { sql } = database;

  const commits = groupCommit(sql, {
    ...database,
    onTrouble: (trouble) => parts.tell(troubleEvent(trouble)),
  });
  const eraser = createEraser(sql, database.reserve, clock);
  const onErased = eraser.soon;
  const gates = sqliteGates({
    ...parts,
    sql,
    commits,
    limits: gateLimits(settings),
    send: (ticketId, gate) => door.send(ticketId, gate),
    onSilent,
  });
  const keys = sqliteKeys(sql, commits, nowMs, onErased);
  const policy = ticketPolicy(settings);
  const deliveries =
    parts.webhooks === undefined
      ? null
      : sqliteDeliveries({ ...parts, ...parts.webhooks, sql, commits, nowMs });
  const { bus } = parts;
  const { retentionMs } = policy;
  const outbox = bus === undefined ? null : sqliteOutbox({ ...bus, sql, commits, nowMs, retentionMs });
  const tickets = sqliteTickets({
    ...parts,
    sql,
    commits,
    policy,
    nowMs,
    written: both(deliveries?.enter, bus?.isWritten === true ? outbox?.add : undefined),
    gate: gates.of,
    onTold,
    onKept: () => moves.stored(),
    onErased,
  });
  const totals = sqliteTotals(sql, commits, clock);
  const actions = sqliteActions(sql, commits, nowMs, policy.retentionMs);
  const feed = sqliteFeed({ ...parts, sql, commits, nowMs });
  const notes = sqliteNotes(sql, commits, onErased);
  const moves = sqliteMoves({ ...parts, sql, commits, tickets, notes, gate: gates.of, nowMs, onErased });
  const door = sqliteDoor({ ...parts, tickets });

  function onTold(ticket: Ticket): void {
    giveNotice(gates.of(ticket.about.provider), ticket);
    moves.stored();
  }

  function onSilent(ticketId: string, gate: SqliteGate): void {
    const ask = async () => {
      if (!(await tickets.remind(ticketId))) gate.remove(ticketId);
    };
    ask().catch(parts.onFault);
  }

  return {
    commits,
    eraser,
    gates,
    keys,
    tickets,
    totals,
    actions,
    feed,
    notes,
    moves,
    door,
    deliveries,
    outbox,
  };
}

type Written = SqliteTicketsParts["written"];

function both(one: Written, other: Written): Written {
  if (one === undefined || other === undefined) return one ?? other;
  return (ticket, events) => {
    one(ticket, events);
    other(ticket, events);
  };
}

/** @param trouble `null`: nothing is the matter any more */
function troubleEvent(trouble: StoreTrouble | null): StoreEvent {
  const store = "sqlite";
  return trouble === null ? { kind: "store_accepts", store } : { kind: "store_refuses", store, trouble };
}
