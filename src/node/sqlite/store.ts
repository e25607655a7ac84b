/**
 * What must not be lost, on Node: tickets, keyed requests and the gates' states in one SQLite file of one process, and what happens to them by
 * itself.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../settings/limits.ts";
import { err, ok, type Result } from "../../domain/result.ts";
import type { Ticket } from "../../domain/ticket/ticket.ts";
import { StoreAway, type Clock, type Keys, type StoreTrouble } from "../../gateway/ports.ts";
import type { FallbackStore } from "../../stores/failover/fallback-store.ts";
import type { StoreEvent, Tell } from "../../telemetry/events.ts";
import { createAlarm } from "./alarm.ts";
import { openDatabase, whyNot, type Database } from "./database.ts";
import { sqliteDoor } from "./door.ts";
import { createEraser } from "./eraser.ts";
import { troubleIn } from "./faults.ts";
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
  /** Hears of each change of what is the matter with the file, of gates, and of tickets that end. */
  readonly tell: Tell;
}

/** The whole store of one process; or what stands in for a shared one while that is away. */
export interface SqliteStore extends FallbackStore {
  readonly gate: (provider: ProviderName) => SqliteGate;
  readonly tickets: SqliteTickets;
  readonly keys: Keys;
  /** What only a shared store can be told. Where there is none any more, its tickets can't be reached. */
  leftToBring(): number;
  /** What of the file breaks a promise now, a sentence each. */
  warnings(): readonly string[];
}

/** @returns why there can be no start, as a sentence for whoever runs the service */
export async function openSqlite(parts: SqliteParts): Promise<Result<SqliteStore, string>> {
  const opened = openDatabase(parts.settings.dataDir);
  if (!opened.ok) return opened;
  try {
    return ok(await sqliteOver(opened.value, parts));
  } catch (error) {
    opened.value.close();
    const fault = error instanceof StoreAway ? error.cause : error;
    if (troubleIn(fault) === null) throw error;
    return err(`The data in ${parts.settings.dataDir} can't be used. ${whyNot(fault)}`);
  }
}

/** @throws where the file can't be read */
async function sqliteOver(database: Database, parts: SqliteParts): Promise<SqliteStore> {
  const { settings, clock, onFault } = parts;
  const { nowMs } = clock;
  const { sql } = database;

  const commits = groupCommit(sql, {
    ...database,
    onTrouble: (trouble) => parts.tell(troubleEvent(trouble)),
  });
  const eraser = createEraser(sql, database.reserve, clock);
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

  let lookedAtMs = nowMs();

  /** All that is due, now. @returns when something is next */
  async function look(): Promise<number | null> {
    try {
      if (nowMs() < lookedAtMs) await tickets.toPresent();
      lookedAtMs = nowMs();
      // Whatever was refused is not tried again by itself.
      if (commits.trouble() !== null) await commits.check();
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
  await tickets.toPresent().catch(onFault);
  await Promise.all([tickets.claimantsDied(), keys.ownersDied()]).catch(onFault);
  for (const ticket of tickets.unfinished()) giveNotice(gates.of(ticket.about.provider), ticket);
  // What expires, expires; what waits for its turn is sent from `start` on.
  alarm.set(nowMs());

  return {
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
      database.close();
    },
    async health() {
      const startedAtMs = clock.monotonicMs();
      const trouble = await commits.check();
      return { trouble, latencyMs: clock.monotonicMs() - startedAtMs };
    },
    warnings() {
      const trouble = commits.trouble();
      return trouble === null ? [] : [inWords(trouble)];
    },
  };
}

/** @param trouble `null`: nothing is the matter any more */
function troubleEvent(trouble: StoreTrouble | null): StoreEvent {
  const store = "sqlite";
  return trouble === null ? { kind: "store_accepts", store } : { kind: "store_refuses", store, trouble };
}

function inWords({ error, code }: StoreTrouble): string {
  if (error === "full") {
    return "The disk under DATA_DIR is full: nothing new is kept until there is room. Tickets that wait are judged all the same.";
  }
  switch (code) {
    case "REMOVED":
      return "The file under DATA_DIR was removed or replaced while the service runs: nothing new is kept, and what is kept already is lost when the service ends. Put it back, or start anew.";
    case "SQLITE_CORRUPT":
    case "SQLITE_NOTADB":
      return "The file under DATA_DIR is damaged: stop the service, and put a backup in its place.";
    default:
      return `The file under DATA_DIR can't be used as it should (${code}).`;
  }
}
