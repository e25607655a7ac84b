/** Lists that are put together of what stores find. */
import { expect, it } from "vitest";
import { listTickets, mergedLists, type ListEntry } from "../../src/engine/ticket-list.ts";
import { acceptTicket } from "../../src/domain/ticket/moves.ts";
import type { TicketList, TicketQuery } from "../../src/gateway/ports.ts";
import { about, policy, texts } from "../domain/durable-builders.ts";

const ticketOf = (id: string, acceptedAtMs: number) =>
  acceptTicket({ ...about, id }, texts, { calls: 0, costUsd: null }, null, 0, acceptedAtMs, policy).ticket;
const listOf = (ids: string, next: TicketList["next"] = null, complete = true): TicketList => ({
  tickets: [...ids].map((id) => ticketOf(id, Number.parseInt(id, 36))),
  next,
  complete,
});
const idsOf = ({ tickets }: Pick<TicketList, "tickets">) => tickets.map(({ about: { id } }) => id).join("");
const at = (id: string) => ({ id, acceptedAtMs: Number.parseInt(id, 36) });
const query: TicketQuery = {
  tenant: about.tenant,
  tenantKey: "",
  provider: null,
  status: null,
  limit: 2,
  after: null,
};

it("merges lists in order, each ticket once, and is as complete as the least of them", () => {
  const merged = mergedLists([listOf("965"), listOf("8652", null, false)], 10);
  expect(idsOf(merged)).toBe("98652");
  expect(merged).toMatchObject({ next: null, complete: false });
});

it("shows nothing behind the place where one of them breaks off", () => {
  const merged = mergedLists([listOf("98", at("8")), listOf("73")], 10);
  expect(idsOf(merged)).toBe("98");
  expect(merged.next).toEqual(at("8"));
});

it("goes on behind the last that it shows", () => {
  const merged = mergedLists([listOf("97"), listOf("86")], 3);
  expect(idsOf(merged)).toBe("987");
  expect(merged.next).toEqual(at("7"));
  expect(mergedLists([listOf("97"), listOf("86")], 4).next).toBeNull();
});

it("says that a list is not complete where a ticket can't be read, and leaves out what is gone", async () => {
  const entries: ListEntry[] = [
    { ...at("9"), ticket: "gone" },
    { ...at("8"), ticket: "away" },
    { ...at("7"), ticket: ticketOf("7", 7) },
  ];
  const list = await listTickets({ ...query, limit: 5 }, 100, async () => ({
    entries,
    isLast: true,
    complete: true,
  }));
  expect(idsOf(list)).toBe("7");
  expect(list).toMatchObject({ next: null, complete: false });
});

it("looks at a bounded number, and says where to go on though it has found nothing", async () => {
  let looks = 0;
  const list = await listTickets({ ...query, status: "failed" }, 6, async (after, most) => {
    looks++;
    const from = after?.acceptedAtMs ?? 1_000;
    const entries = Array.from({ length: most }, (_, number) => {
      const acceptedAtMs = from - number - 1;
      return { id: "x", acceptedAtMs, ticket: ticketOf("x", acceptedAtMs) };
    });
    return { entries, isLast: false, complete: true };
  });
  expect(list).toEqual({ tickets: [], next: { id: "x", acceptedAtMs: 994 }, complete: true });
  expect(looks).toBe(3);
});
