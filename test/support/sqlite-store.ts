/** The durable part of a Node process over a directory of its own, with a clock that a test moves and workers that do nothing. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";
import { gateLimits, ticketPolicy } from "../../src/settings/limits.ts";
import type { TicketEvent } from "../../src/domain/ticket/ticket.ts";
import type { Clock } from "../../src/gateway/ports.ts";
import { endedEventJson } from "../../src/http/notices.ts";
import { openSqlite, type SqliteParts, type SqliteStore } from "../../src/node/sqlite/store.ts";
import { manualClock } from "./clock.ts";

/** The defaults, but for the look at what nobody should have missed: it would hide that something was. */
export const config = configOf({});

export function configOf(env: Readonly<Record<string, string>>) {
  const parsed = parseConfig({ QUEUE_POLL_INTERVAL_SECONDS: "60", ...env }, "node");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

export const limits = gateLimits(config);
export const policy = ticketPolicy(config);

/** A directory that is gone after the test. */
export function directoryForTest(): string {
  const directory = mkdtempSync(join(tmpdir(), "durable-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** @param told who hears of tickets; absent: nobody */
export async function sqliteForTest(settings = config, told: Pick<SqliteParts, "webhooks" | "bus"> = {}) {
  const clock = manualClock();
  const faults: unknown[] = [];
  /** Tickets that faults were about. */
  const faultyTickets: string[] = [];
  const troubles: (string | null)[] = [];
  let sent: string[] = [];
  let directory = directoryForTest();
  let life = { isAlive: true };
  let isOpen = false;
  let sqlite = await open();

  /** Its timers end with the process that has set them. */
  function clockOf(owner: { readonly isAlive: boolean }): Clock {
    return {
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      after: (delayMs, then) => clock.after(delayMs, () => (owner.isAlive ? then() : undefined)),
    };
  }

  async function open(): Promise<SqliteStore> {
    const opened = await openSqlite({
      settings: { ...settings, dataDir: directory },
      clock: clockOf(life),
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      endedEvent: endedEventJson,
      ...told,
      onFault(error, ticketId) {
        faults.push(error);
        if (ticketId !== undefined) faultyTickets.push(ticketId);
      },
      tell(event) {
        if (event.kind === "store_refuses") troubles.push(event.trouble.code);
        if (event.kind === "store_accepts") troubles.push(null);
      },
    });
    if (!opened.ok) throw new Error(opened.error);
    onTestFinished(() => opened.value.close());
    isOpen = false;
    return opened.value;
  }

  /** Another process: to open a file and close it here would end SQLite's locks on it. */
  const rowsOf = (query: string, ...values: string[]) => {
    const copy = directoryForTest();
    copyData(directory, copy);
    const sql = new DatabaseSync(join(copy, "llm-provider-service.sqlite"));
    const rows = sql.prepare(query).all(...values);
    sql.close();
    return rows;
  };

  return {
    clock,
    faults,
    faultyTickets,
    /** What was the matter with the file, one after the other; `null`: nothing any more. */
    troubles,
    get sqlite() {
      return sqlite;
    },
    get tickets() {
      return sqlite.tickets;
    },
    get keys() {
      return sqlite.keys;
    },
    get actions() {
      return sqlite.actions;
    },
    get feed() {
      return sqlite.feed;
    },
    get directory() {
      return directory;
    },
    get gate() {
      return sqlite.gate("mock");
    },
    nowMs: clock.nowMs,
    monotonicMs: clock.monotonicMs,
    async advance(ms: number) {
      await clock.advance(ms);
      await clock.advance(0);
    },
    /** As after a kill: what is on the disk at this moment is all that the successor has. */
    async restart() {
      const copy = directoryForTest();
      copyData(directory, copy);
      directory = copy;
      life.isAlive = false;
      life = { isAlive: true };
      sent = [];
      sqlite = await open();
    },
    /** The ids of tickets that were claimed and handed out since this was last asked, in order. The door is opened when this is first asked. */
    async sent() {
      if (!isOpen) sqlite.start(async ({ ticket }) => void sent.push(ticket.about.id));
      isOpen = true;
      await clock.advance(0);
      const ids = sent;
      sent = [];
      return ids;
    },
    async holds(text: string) {
      return dataIn(directory).includes(text);
    },
    async events(id: string) {
      const rows = rowsOf("SELECT event FROM events WHERE ticket_id = ? ORDER BY number", id);
      return rows.map(({ event }) => JSON.parse(String(event)) as TicketEvent);
    },
    rowsOf,
  };
}

/** Every byte of the data, as text. */
function dataIn(directory: string): string {
  const files = readdirSync(directory).map((name) => join(directory, name));
  return execFileSync("cat", files, { maxBuffer: 2 ** 30 }).toString("latin1");
}

function copyData(from: string, to: string): void {
  const files = readdirSync(from).filter((name) => name.endsWith(".sqlite") || name.endsWith("-wal"));
  execFileSync("cp", [...files.map((name) => join(from, name)), to]);
}
