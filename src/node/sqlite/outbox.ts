/** What is still to be sent to the bus, in the file: written in the transaction of the move that it is about. */
import type { DatabaseSync } from "node:sqlite";
import type { Ticket, TicketEvent } from "../../domain/ticket/ticket.ts";
import type { RenderForBus } from "../../push/bus.ts";
import { busEventIn } from "../../push/cloud-event.ts";
import type { Outbox } from "../../push/outbox.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface SqliteOutbox extends Outbox {
  /** Within the transaction that stores the move. */
  add(ticket: Ticket, events: readonly TicketEvent[]): void;
  isEmpty(): boolean;
}

export interface SqliteOutboxParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly render: RenderForBus;
  readonly nowMs: () => number;
  /** What is older goes unsent: no ticket is kept for longer after its end. */
  readonly retentionMs: number;
  /** Something was added, and is stored in a moment. */
  readonly onAdded: () => void;
  /** Events, at some 700 bytes each, of which the oldest go unsent when there are more: the disk is for tickets. */
  readonly mostKept?: number;
}

/** There is no bus any more: nobody will send what waits for it. @returns how many went */
export async function clearOutbox(sql: DatabaseSync, commits: GroupCommit): Promise<number> {
  const isEmpty = commits.read(() => sql.prepare("SELECT 1 FROM bus LIMIT 1").get() === undefined);
  return isEmpty ? 0 : await commits.write(() => Number(sql.prepare("DELETE FROM bus").run().changes));
}

/** Looked at in one go for what is too old. */
const oldest = 1_000;

export function sqliteOutbox({
  sql,
  commits,
  nowMs,
  retentionMs,
  ...parts
}: SqliteOutboxParts): SqliteOutbox {
  const { render, onAdded, mostKept = 1_000_000 } = parts;
  const insert = sql.prepare("INSERT INTO bus (at_ms, event) VALUES (?, ?)");
  const selectFirst = sql.prepare("SELECT number, at_ms FROM bus ORDER BY number LIMIT ?");
  const selectLast = sql.prepare("SELECT MAX(number) AS number FROM bus");
  const select = sql.prepare("SELECT number, event FROM bus ORDER BY number LIMIT ?");
  const remove = sql.prepare("DELETE FROM bus WHERE number = ?");

  const last = () => Number(selectLast.get()?.["number"] ?? 0);

  /** Of the oldest, those that nobody is to hear of any more. */
  function overdue(): readonly number[] {
    const atMs = nowMs() - retentionMs;
    const least = last() - mostKept;
    const among = (most: number) =>
      selectFirst
        .all(most)
        .filter((row) => Number(row["at_ms"]) <= atMs || Number(row["number"]) <= least)
        .map(({ number }) => Number(number));
    // Most often it is not even the first.
    return among(1).length === 0 ? [] : among(oldest);
  }

  async function removeEach(numbers: readonly number[]): Promise<void> {
    await commits.write(() => {
      for (const number of numbers) remove.run(number);
    });
  }

  async function dropOverdue(): Promise<number> {
    let dropped = 0;
    for (;;) {
      const numbers = commits.read(overdue);
      if (numbers.length > 0) await removeEach(numbers);
      dropped += numbers.length;
      if (numbers.length < oldest) return dropped;
    }
  }

  return {
    add(ticket, events) {
      for (const event of events) insert.run(nowMs(), render(ticket, event).json);
      if (events.length > 0) onAdded();
    },
    async take(most) {
      const dropped = await dropOverdue();
      return commits.read(() => {
        const rows = select.all(most);
        const entries = rows.map(({ number, event }) => ({
          key: String(number),
          event: busEventIn(String(event)),
        }));
        // Counting them would read them all.
        const waiting = entries.length < most ? entries.length : last() - Number(entries[0]?.key) + 1;
        return { entries, waiting, dropped };
      });
    },
    sent: (entries) => removeEach(entries.map(({ key }) => Number(key))),
    release: () => Promise.resolve(),
    isEmpty: () => commits.read(() => selectFirst.all(1).length === 0),
  };
}
