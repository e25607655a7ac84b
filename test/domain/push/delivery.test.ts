import { describe, expect, it } from "vitest";
import {
  deliveryIdOf,
  newDelivery,
  redelivered,
  settledDelivery,
  takenDelivery,
  type Delivery,
} from "../../../src/domain/push/delivery.ts";

const event = {
  eventId: "evt_0194fdc2-fa2f-7cc0-81d3-ff12045b73c8_4",
  type: "ticket.completed",
  tenant: "board",
  ticketId: "0194fdc2-fa2f-7cc0-81d3-ff12045b73c8",
  endedAtMs: 1_000,
  forgetAtMs: 1e12,
};
const refused = { kind: "refused" } as const;
const dueMsOf = ({ state }: Delivery) => (state.status === "due" ? state.dueMs : null);

describe("a wait", () => {
  const sending = (step: number) =>
    takenDelivery({ ...newDelivery(event, "main", 1_000), step }, 2_000, 60_000);

  it.each([
    [0, 5_000],
    [1, 60_000],
    [2, 300_000],
    [3, 1_800_000],
    [4, 7_200_000],
    [5, 18_000_000],
    [6, 36_000_000],
    [7, 36_000_000],
    [500, 36_000_000],
  ])("after %i failures before is longer or shorter by up to a fifth", (step, waitMs) => {
    expect(dueMsOf(settledDelivery(sending(step), refused, 0, 0))).toBe(waitMs * 0.8);
    expect(dueMsOf(settledDelivery(sending(step), refused, 0, 0.5))).toBe(waitMs);
    const longest = dueMsOf(settledDelivery(sending(step), refused, 0, 1 - 2 ** -53));
    expect(longest).toBe(Math.round(waitMs * 1.2));
  });

  it("that would end when the ticket is forgotten is none: the delivery has failed", () => {
    const delivery = sending(0);
    const atMs = delivery.forgetAtMs - 5_000;
    expect(settledDelivery(delivery, refused, atMs - 1, 0.5).state.status).toBe("due");
    expect(settledDelivery(delivery, refused, atMs, 0.5).state).toEqual({ status: "failed", atMs });
  });
});

describe("a delivery", () => {
  it("that is told again begins with the first wait, and goes on counting", () => {
    const failed = { ...takenDelivery(newDelivery(event, "main", 1_000), 0, 1), step: 6 };
    const again = redelivered({ ...failed, state: { status: "failed", atMs: 5 } }, 9);
    expect(again).toMatchObject({ attempts: 1, step: 0, state: { status: "due", dueMs: 9 } });
    expect(redelivered(failed, 9)).toBe(failed);
  });

  it("of an end by a clock ahead of ours is due at once", () => {
    expect(newDelivery({ ...event, endedAtMs: 5_000 }, "main", 4_000).state).toEqual({
      status: "due",
      dueMs: 4_000,
    });
  });

  it("forgets what was wrong when it is delivered", () => {
    const failedOnce = settledDelivery(takenDelivery(newDelivery(event, "main", 0), 0, 1), refused, 0, 0);
    expect(failedOnce.lastError).toBe("refused");
    const told = settledDelivery(takenDelivery(failedOnce, 9, 1), { kind: "status", status: 201 }, 10, 0);
    expect(told).toMatchObject({ lastStatus: 201, attempts: 2, state: { status: "delivered", atMs: 10 } });
    expect(told).not.toHaveProperty("lastError");
  });

  it("has an id of its own for each endpoint and each ticket, a UUID", () => {
    const tickets = Array.from(
      { length: 100 },
      (_, number) =>
        `0194fdc2-fa2f-7cc0-81d3-${(number * 0x28f_5c28_f5c2).toString(16).padStart(12, "0").slice(-12)}`,
    );
    const names = ["a", "b", "ab", "ba", "main", "main-2", "x".repeat(64), "y".repeat(64)];
    const ids = new Set(tickets.flatMap((ticket) => names.map((name) => deliveryIdOf(ticket, name))));
    expect(ids.size).toBe(tickets.length * names.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
