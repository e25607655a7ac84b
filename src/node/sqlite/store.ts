/**
 * What must not be lost, on Node: tickets, keyed requests and the gates' states in one SQLite file of one process, and what happens to them by
 * itself.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { err, ok, type Result } from "../../domain/result.ts";
import {
  StoreAway,
  type Actions,
  type Clock,
  type Feed,
  type Keys,
  type StoreTrouble,
} from "../../gateway/ports.ts";
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import type { QueueSettings } from "../../settings/limits.ts";
import type { FallbackStore } from "../../stores/failover/fallback-store.ts";
import { createAlarm, type Alarm } from "./alarm.ts";
import { openDatabase, whyNot, type Database } from "./database.ts";
import { troubleIn } from "./faults.ts";
import { giveNotice, type SqliteGate } from "./gate.ts";
import type { GroupCommit } from "./group-commit.ts";
import { createLook } from "./look.ts";
import { sqliteTables, type SqliteTables, type SqliteTablesParts } from "./tables.ts";
import { clearOutbox, type SqliteOutbox } from "./outbox.ts";
import type { SqliteTickets } from "./tickets.ts";

export interface SqliteParts extends Omit<SqliteTablesParts, "onDue"> {
  readonly settings: QueueSettings & {
    readonly dataDir: string;
    readonly queue: { readonly pollIntervalMs: number };
  };
}

/** The whole store of one process; or what stands in for a shared one while that is away. */
export interface SqliteStore extends FallbackStore {
  readonly gate: (provider: ProviderName) => SqliteGate;
  readonly tickets: SqliteTickets;
  readonly keys: Keys;
  readonly actions: Actions;
  readonly feed: Feed;
  /** `null`: nobody is told from here. */
  readonly deliveries: DeliveryStore | null;
  /** `null`: there is no bus. */
  readonly outbox: SqliteOutbox | null;
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
  const alarm = createAlarm(clock, settings.queue.pollIntervalMs, () => look());
  const tables = sqliteTables(database, { ...parts, onDue: alarm.set });
  const look = createLook(tables, clock.nowMs, onFault);
  await takeOver(tables, onFault);
  if (tables.outbox === null) await forgetBus(database, tables, parts);
  // What expires, expires; what waits for its turn is sent from `start` on.
  alarm.set(clock.nowMs());
  const { gates, tickets, keys, totals, actions, feed, moves, notes, deliveries, outbox } = tables;
  const leftToBring = () => moves.count() + notes.count();
  // A start asks for it: what can't be read of it is found here, where that is a sentence.
  leftToBring();
  return {
    gate: gates.of,
    tickets,
    keys,
    totals,
    actions,
    feed,
    moves,
    notes,
    deliveries,
    outbox,
    leftToBring,
    ...course(database, tables, alarm, parts),
    ...wellBeing(tables.commits, clock),
  };
}

/** The predecessor is dead, or we would not have its lock. Where the disk is full, its claims end with their leases. */
async function takeOver(
  { gates, tickets, keys, deliveries }: SqliteTables,
  onFault: SqliteParts["onFault"],
): Promise<void> {
  await tickets.toPresent().catch(onFault);
  await Promise.all([tickets.claimantsDied(), keys.ownersDied(), deliveries?.senderDied()]).catch(onFault);
  for (const ticket of tickets.unfinished()) giveNotice(gates.of(ticket.about.provider), ticket);
}

async function forgetBus(
  { sql }: Database,
  { commits }: SqliteTables,
  { tell, onFault }: SqliteParts,
): Promise<void> {
  try {
    const count = await clearOutbox(sql, commits);
    if (count > 0) tell({ kind: "bus_dropped", bus: "none", count });
  } catch (error) {
    onFault(error);
  }
}

/** From the first ticket that is sent to the last. */
function course(
  database: Database,
  { commits, eraser, gates, tickets, totals, door }: SqliteTables,
  alarm: Alarm,
  { clock, onFault }: Pick<SqliteParts, "clock" | "onFault">,
): Pick<SqliteStore, "start" | "rest" | "close"> {
  return {
    start(run) {
      door.start(run);
      gates.open();
      alarm.set(clock.nowMs());
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
  };
}

function wellBeing(commits: GroupCommit, clock: Clock): Pick<SqliteStore, "health" | "warnings"> {
  return {
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
