/**
 * What must not be lost, on Node: tickets, keyed requests and the gates' states in one SQLite file of one process, and what happens to them by
 * itself.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import { ok, type Result } from "../../domain/result.ts";
import type { Ticket } from "../../domain/ticket/ticket.ts";
import type { Clock, Keys } from "../../gateway/ports.ts";
import type { FallbackStore } from "../../stores/failover/fallback-store.ts";
import { createAlarm } from "./alarm.ts";
import { openDatabase } from "./database.ts";
import { sqliteDoor } from "./door.ts";
import { createEraser } from "./eraser.ts";
import { groupCommit } from "./group-commit.ts";
import { giveNotice, type SqliteGate } from "./gate.ts";
import { sqliteGates } from "./gates.ts";
import { sqliteKeys } from "./keys.ts";
import { sqliteMoves } from "./moves.ts";
import { sqliteNotes } from "./notes.ts";
import { sqliteTickets, type SqliteTickets } from "./tickets.ts";
import { sqliteTotals } from "./totals.ts";

export interface SqliteParts {
  readonly settings: QueueSettings & {
    readonly dataDir: string;
    readonly queue: { readonly pollIntervalMs: number };
  };
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A UUID. */
  readonly newId: () => string;
  /** Hears of work that nobody awaits and that ended badly: the store is away (`StoreAway`), or a bug. */
  readonly onFault: (error: unknown) => void;
}

/** The whole store of one process; or what stands in for a shared one while that is away. */
export interface SqliteStore extends FallbackStore {
  readonly gate: (provider: ProviderName) => SqliteGate;
  readonly tickets: SqliteTickets;
  readonly keys: Keys;
  /** What only a shared store can be told. Where there is none any more, its tickets can't be reached. */
  leftToBring(): number;
}

/** @returns why there can be no start, as a sentence for whoever runs the service */
export async function openSqlite(parts: SqliteParts): Promise<Result<SqliteStore, string>> {
  const { settings, clock, onFault } = parts;
  const { nowMs } = clock;
  const opened = openDatabase(settings.dataDir);
  if (!opened.ok) return opened;
  const { sql } = opened.value;

  const commits = groupCommit(sql);
  const eraser = createEraser(sql, clock);
  const alarm = createAlarm(clock, settings.queue.pollIntervalMs, look);
  const gates = sqliteGates({
    ...parts,
    sql,
    commits,
    limits: gateLimits(settings),
    send: (ticketId, gate) => door.send(ticketId, gate),
    onSilent,
    onDue: alarm.set,
  });
  const keys = sqliteKeys(sql, commits, nowMs, eraser.soon);
  const tickets = sqliteTickets({
    ...parts,
    sql,
    commits,
    policy: ticketPolicy(settings),
    nowMs,
    gate: gates.of,
    onTold,
    onKept: () => moves.stored(),
    onDue: alarm.set,
    onErased: eraser.soon,
  });
  const totals = sqliteTotals(sql, commits, clock);
  const notes = sqliteNotes(sql, commits, eraser.soon);
  const moves = sqliteMoves({
    sql,
    commits,
    tickets,
    notes,
    gate: gates.of,
    nowMs,
    onErased: eraser.soon,
    onDue: alarm.set,
    onFault,
  });
  const door = sqliteDoor({ ...parts, tickets });

  function onTold(ticket: Ticket): void {
    giveNotice(gates.of(ticket.about.provider), ticket);
    moves.stored();
  }

  function onSilent(ticketId: string, gate: SqliteGate): void {
    const ask = async () => {
      if (!(await tickets.remind(ticketId))) gate.remove(ticketId);
    };
    ask().catch(onFault);
  }

  /** All that is due, now. @returns when something is next */
  async function look(): Promise<number | null> {
    try {
      const sentMs = gates.look();
      await tickets.elapseDue();
      await keys.forgetDue();
      const moments = [sentMs, tickets.firstDueMs(), keys.firstDueMs()].filter((atMs) => atMs !== null);
      return moments.length === 0 ? null : Math.min(...moments);
    } catch (error) {
      onFault(error);
      return null;
    }
  }

  // The predecessor is dead, or we would not have its lock. Where the disk is full, its claims end with their leases.
  await tickets.claimantsDied().catch(onFault);
  for (const ticket of tickets.unfinished()) giveNotice(gates.of(ticket.about.provider), ticket);
  // What expires, expires; what waits for its turn is sent from `start` on.
  alarm.set(nowMs());

  return ok({
    gate: gates.of,
    tickets,
    keys,
    totals,
    moves,
    notes,
    leftToBring: () => moves.count() + notes.count(),
    start(run) {
      door.start(run);
      gates.open();
      alarm.set(nowMs());
    },
    async rest() {
      gates.shut();
      await door.rest();
    },
    async close() {
      gates.shut();
      alarm.stop();
      eraser.stop();
      await tickets.giveBackAll().catch(onFault);
      await Promise.all([gates.flush(), totals.flush()]);
      await commits.idle();
      opened.value.close();
    },
    async health() {
      const startedAtMs = nowMs();
      const isWell = await commits.check();
      return { isWell, latencyMs: nowMs() - startedAtMs };
    },
  });
}
