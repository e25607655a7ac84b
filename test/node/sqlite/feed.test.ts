/** The feed in SQLite beyond what every store promises: rows that nobody has brought to the present, and rows that can't be read. */
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { acceptTicket, cancel, claim } from "../../../src/domain/ticket/moves.ts";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { sqliteFeed } from "../../../src/node/sqlite/feed.ts";
import { raiseSchema } from "../../../src/node/sqlite/schema.ts";
import { ticketRows } from "../../../src/node/sqlite/ticket-rows.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { policy } from "../../support/sqlite-store.ts";

function world() {
  const sql = new DatabaseSync(":memory:");
  raiseSchema(sql);
  const faults: unknown[] = [];
  const rows = ticketRows(sql, (error) => faults.push(error));
  let nowMs = 0;
  const feed = sqliteFeed({
    sql,
    commits: { read: (work) => work() },
    nowMs: () => nowMs,
    endedEvent: ({ about }) => JSON.stringify(about.id),
    onFault: (error) => faults.push(error),
  });
  return {
    sql,
    faults,
    page: (after: number | null = null) => feed.page("tenant-one", after, 100),
    at(ms: number) {
      nowMs = ms;
    },
    /** Cancelled at this moment. @param isCalledFor and the call for it is under way */
    end(atMs: number, isCalledFor = false): Ticket["about"]["id"] {
      const { about, texts, spent, lastFailure } = draftOf();
      const accepted = acceptTicket(about, texts, spent, lastFailure, 0, atMs, policy);
      rows.insert(accepted.ticket, accepted.events);
      const begun = isCalledFor ? claim(accepted.ticket, "p", false, atMs, policy) : accepted;
      const ended = cancel(begun.ticket, "owner", atMs, policy);
      rows.update(ended.ticket, isCalledFor ? [...begun.events, ...ended.events] : ended.events);
      return about.id;
    },
  };
}

const events = (...ids: readonly string[]) => ids.map((id) => JSON.stringify(id));

it("keeps one that fell due because its call should be over, and drops what is forgotten, before anybody has looked after them", async () => {
  const { at, end, page } = world();
  const [called, other] = [end(0, true), end(1_000)];
  at(policy.leaseMs + 1);
  expect(await page(0)).toEqual({ kind: "page", events: events(called, other), last: 2, more: false });
  at(policy.retentionMs);
  expect(await page(0)).toEqual({ kind: "expired", oldest: 1 });
  expect(await page(1)).toEqual({ kind: "page", events: events(other), last: 2, more: false });
});

it("leaves out a row that holds no ticket, and says so", async () => {
  const { sql, end, faults, page } = world();
  const [first, damaged, third] = [end(0), end(0), end(0)];
  sql.prepare("UPDATE tickets SET record = '{' WHERE id = ?").run(damaged);
  expect(await page()).toEqual({ kind: "page", events: events(first, third), last: 3, more: false });
  expect(faults).toHaveLength(1);
});

it("is away where newer code has written what is to be told: it must not be passed over", async () => {
  const { sql, end, page } = world();
  const id = end(0);
  sql
    .prepare("UPDATE tickets SET version = 99, record = json_set(record, '$.version', 99) WHERE id = ?")
    .run(id);
  await expect(page()).rejects.toThrow(StoreAway);
});
