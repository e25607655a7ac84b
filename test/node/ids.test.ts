import { expect, it } from "vitest";
import { ticketParameter } from "../../src/wire/schemas.ts";
import { timeOrderedId } from "../../src/node/ids.ts";

const nowMs = Date.UTC(2026, 10, 22, 12);

it("is a UUID of version 7 that begins with its moment", () => {
  const id = timeOrderedId(nowMs);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16)).toBe(nowMs);
  expect(ticketParameter.safeParse({ queue_id: id }).success).toBe(true);
});

it("comes after those of an earlier millisecond, and is another each time", () => {
  const ids = Array.from({ length: 1_000 }, (_, ms) => timeOrderedId(nowMs + ms));
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(Array.from({ length: 1_000 }, () => timeOrderedId(nowMs))).size).toBe(1_000);
});
