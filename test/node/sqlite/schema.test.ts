/** Files that earlier versions of the service wrote. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished } from "vitest";
import { acceptTicket, claim, settle } from "../../../src/domain/ticket/moves.ts";
import { expire } from "../../../src/domain/ticket/steps.ts";
import type { Queued, Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { openDatabase } from "../../../src/node/sqlite/database.ts";
import { ticketRows } from "../../../src/node/sqlite/ticket-rows.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { directoryForTest, policy } from "../../support/sqlite-store.ts";

/** As version 1 made them. Never changed. */
const tables1 = `
  CREATE TABLE schema (version INTEGER NOT NULL) STRICT;
  INSERT INTO schema VALUES (1);
  CREATE TABLE tickets (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, is_ended INTEGER NOT NULL, due_ms INTEGER NOT NULL, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX tickets_by_due ON tickets (due_ms);
  CREATE INDEX unfinished_tickets ON tickets (id) WHERE is_ended = 0;
  CREATE TABLE texts (
    ticket_id TEXT PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE, texts TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    ticket_id TEXT NOT NULL REFERENCES tickets (id) ON DELETE CASCADE, number INTEGER NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (ticket_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE keys (name TEXT PRIMARY KEY, forget_at_ms INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE INDEX keys_by_end ON keys (forget_at_ms);
  CREATE TABLE gates (provider TEXT PRIMARY KEY, core TEXT NOT NULL) STRICT;
  CREATE TABLE totals (
    tenant TEXT NOT NULL, day TEXT NOT NULL, requests INTEGER NOT NULL, cost_usd REAL NOT NULL, PRIMARY KEY (tenant, day)
  ) STRICT, WITHOUT ROWID;
`;

const odd = "“Grüße” \u{1f600} \ud800 \u0000 'quotes'";

it("raises tables of version 1: every ticket, its texts and its events are what they were", () => {
  const queued = accepted({ systemPrompt: odd, userPrompt: odd, essayA: odd, essayB: "" });
  const started = claim(accepted(draftOf().texts).ticket, "p", false, 1_000, policy);
  const completed = settle(started.ticket, 1, judged, 2_000, policy, 0.5);
  const directory = directoryForTest();
  writeVersion1(directory, [
    { ticket: queued.ticket, events: queued.events },
    { ticket: completed.ticket, events: [...started.events, ...completed.events] },
  ]);

  const { sql, rows } = open(directory);
  expect(rows.find(queued.ticket.about.id)).toEqual(queued.ticket);
  expect(rows.find(completed.ticket.about.id)).toEqual(completed.ticket);
  const events = sql.prepare("SELECT event FROM events WHERE ticket_id = ? ORDER BY number");
  const stored = events
    .all(completed.ticket.about.id)
    .map(({ event }) => JSON.parse(String(event)) as unknown);
  expect(stored).toEqual([...started.events, ...completed.events]);
  expect(rows.unfinished().map(({ about }) => about.id)).toEqual([queued.ticket.about.id]);
  const listed = rows.listed(queued.ticket.about.tenant, null, 10).map(({ id }) => id);
  expect(listed.toSorted()).toEqual([queued.ticket.about.id, completed.ticket.about.id].toSorted());
  expect(sql.prepare("SELECT provider, core FROM gates").all()).toEqual([{ provider: "mock", core: "{}" }]);
});

it("ends and forgets raised tickets with all that belongs to them", () => {
  const queued = accepted(draftOf().texts);
  const directory = directoryForTest();
  writeVersion1(directory, [queued]);
  const { sql, rows } = open(directory);
  const started = claim(queued.ticket, "p", false, 1_000, policy);
  const ended = settle(started.ticket, 1, judged, 2_000, policy, 0.5);
  rows.update(ended.ticket, [...started.events, ...ended.events]);
  const count = (table: string) => sql.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get()?.["n"];
  expect([count("tickets"), count("texts"), count("events")]).toEqual([1, 0, 3]);
  rows.remove(queued.ticket.about.id);
  expect([count("tickets"), count("texts"), count("events")]).toEqual([0, 0, 0]);
});

it("numbers what has ended in each tenant's feed by the moments of the ends, and goes on from there", () => {
  const [late, early, others, waits] = [
    ended(5_000),
    ended(3_000),
    ended(4_000, "tenant-two"),
    accepted(draftOf().texts),
  ];
  const directory = directoryForTest();
  writeVersion1(directory, [late, early, others, waits]);
  const { sql, rows } = open(directory);
  const numbers = () =>
    Object.fromEntries(
      sql
        .prepare("SELECT id, ended_seq FROM tickets")
        .all()
        .map(({ id, ended_seq }) => [String(id), ended_seq]),
    );
  const [lateId, earlyId, othersId, waitsId] = [late, early, others, waits].map(
    ({ ticket }) => ticket.about.id,
  );
  const before = { [String(earlyId)]: 1, [String(lateId)]: 2, [String(othersId)]: 1 };
  expect(numbers()).toEqual({ ...before, [String(waitsId)]: null });
  const next = expire(waits.ticket, waits.ticket.state as Queued, 6_000, policy);
  rows.update(next.ticket, next.events);
  expect(numbers()).toEqual({ ...before, [String(waitsId)]: 3 });
  expect(sql.prepare("SELECT tenant, last FROM feeds ORDER BY tenant").all()).toEqual([
    { tenant: "tenant-one", last: 3 },
    { tenant: "tenant-two", last: 1 },
  ]);
});

function ended(atMs: number, tenant = "tenant-one") {
  const { ticket, events } = accepted(draftOf().texts);
  const started = claim({ ...ticket, about: { ...ticket.about, tenant } }, "p", false, 1_000, policy);
  const completed = settle(started.ticket, 1, judged, atMs, policy, 0.5);
  return { ticket: completed.ticket, events: [...events, ...started.events, ...completed.events] };
}

const judged = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "It is better.", confidence: 4, normalizations: [] },
    model: "m",
    usage: null,
    durationMs: 5,
  },
  spent: { calls: 1, costUsd: null },
} as const;

function accepted(texts: ReturnType<typeof draftOf>["texts"]) {
  const { about, spent, lastFailure } = draftOf();
  return acceptTicket(about, texts, spent, lastFailure, 0, 0, policy);
}

function writeVersion1(
  directory: string,
  tickets: readonly { readonly ticket: Ticket; readonly events: readonly TicketEvent[] }[],
): void {
  const sql = new DatabaseSync(join(directory, "llm-provider-service.sqlite"));
  sql.exec(`PRAGMA journal_mode = WAL; ${tables1}`);
  sql.exec("INSERT INTO gates VALUES ('mock', '{}')");
  for (const { ticket, events } of tickets) {
    const { id } = ticket.about;
    const { state } = ticket;
    const texts = "texts" in state ? state.texts : null;
    const record = JSON.stringify({ ...ticket, state: { ...state, texts: undefined } });
    sql
      .prepare("INSERT INTO tickets VALUES (?, 1, ?, ?, ?)")
      .run(id, texts === null ? 1 : 0, ticket.about.expiresAtMs, record);
    if (texts !== null) sql.prepare("INSERT INTO texts VALUES (?, ?)").run(id, JSON.stringify(texts));
    for (const event of events)
      sql.prepare("INSERT INTO events VALUES (?, ?, ?)").run(id, event.number, JSON.stringify(event));
  }
  sql.close();
}

function open(directory: string) {
  const opened = openDatabase(directory);
  if (!opened.ok) throw new Error(opened.error);
  onTestFinished(opened.value.close);
  const { sql } = opened.value;
  const rows = ticketRows(sql, (error) => {
    throw error;
  });
  return { sql, rows };
}
