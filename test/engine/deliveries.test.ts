/** Deliveries in memory, and what holds in every history of them. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttemptEnd } from "../../src/domain/push/delivery.ts";
import type { TakenDelivery } from "../../src/gateway/delivery-store.ts";
import { atOnceInTests, knownEndpoint, testDeliveries } from "../contracts/deliveries.ts";
import { countsFit, memoryDeliveries } from "../support/memory-deliveries.ts";

describe("in memory", () => {
  testDeliveries(async () => {
    let nowMs = 1_800_000_000_000;
    const store = memoryDeliveries(
      () => nowMs,
      () => 0.5,
      atOnceInTests,
    );
    return {
      store,
      enter: store.enter,
      advance: async (ms) => void (nowMs += ms),
      nowMs: () => nowMs,
    };
  });
});

type Act =
  | { readonly kind: "end"; readonly number: number }
  | { readonly kind: "take"; readonly most: number }
  | { readonly kind: "settle"; readonly which: number; readonly end: AttemptEnd }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "redeliver"; readonly number: number }
  | { readonly kind: "test" | "tidy" | "move" };

const ends = fc.oneof(
  fc.constantFrom(200, 204, 302, 404, 410, 429, 500).map((status) => ({ kind: "status" as const, status })),
  fc
    .constantFrom("refused", "timeout", "tls", "blocked", "other", "given_back", "ticket_gone")
    .map((kind): AttemptEnd => ({ kind })),
);
const acts = fc.array(
  fc.oneof<fc.Arbitrary<Act>[]>(
    fc.record({ kind: fc.constant("end"), number: fc.nat(30) }),
    fc.record({ kind: fc.constant("take"), most: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant("settle"), which: fc.nat(9), end: ends }),
    fc.record({ kind: fc.constant("settle"), which: fc.nat(9), end: ends }),
    fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(1, 5_000, 60_000, 900_000, 40_000_000) }),
    fc.record({ kind: fc.constant("redeliver"), number: fc.nat(30) }),
    fc.record({ kind: fc.constantFrom("test", "tidy", "move") }),
  ),
  { maxLength: 120 },
);
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const retentionMs = 86_400_000;

describe("in every history", () => {
  it("counts fit, nobody gets what another has, and each end is told, given up, dropped, or told later", async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (history) => {
        let nowMs = 1_800_000_000_000;
        let endpoint = knownEndpoint("main");
        const store = memoryDeliveries(
          () => nowMs,
          () => 0.5,
          atOnceInTests,
        );
        const held: TakenDelivery[] = [];
        const { tables } = store;
        async function act(step: Act): Promise<void> {
          switch (step.kind) {
            case "end": {
              const ticketId = idOf(step.number);
              const event = {
                eventId: `evt_${ticketId}_2`,
                type: "ticket.failed",
                tenant: "board",
                ticketId,
              };
              return store.enter(
                { ...event, endedAtMs: nowMs, forgetAtMs: nowMs + retentionMs },
                [endpoint],
                20,
              );
            }
            case "take":
              return void held.push(...(await store.take([endpoint], step.most, 60_000)));
            case "settle": {
              const [taken] = held.splice(step.which, 1);
              if (taken !== undefined) await store.settle(taken.delivery.id, taken.lease, step.end);
              return;
            }
            case "wait":
              nowMs += step.ms;
              return;
            case "redeliver": {
              const found = tables.all().find(({ ticketId }) => ticketId === idOf(step.number));
              if (found) await store.redeliver("board", found.id);
              return;
            }
            case "test":
              return void (await store.testedWell(endpoint));
            case "tidy":
              return void (await store.tidy([endpoint]));
            case "move":
              endpoint = { ...endpoint, fingerprint: String(nowMs) };
          }
        }
        for (const step of history) {
          await act(step);
          const stored = tables.endpoint(endpoint);
          expect(stored === null || countsFit(stored, tables.all())).toBe(true);
          expect(stored?.sending ?? 0).toBeLessThanOrEqual(atOnceInTests);
          const live = tables.all().filter(({ state }) => state.status === "sending");
          expect(new Set(live.map(({ id }) => id)).size).toBe(live.length);
        }
        // A receiver that is well from here on, and was not switched off, is told all that is kept.
        await store.testedWell(endpoint);
        nowMs += 60_000;
        for (let round = 0; round < 200; round++) {
          await store.tidy([endpoint]);
          const taken = await store.take([endpoint], 50, 60_000);
          for (const { delivery, lease } of taken) {
            await store.settle(delivery.id, lease, { kind: "status", status: 204 });
          }
          const { sendAtMs, tidyAtMs } = await store.next([endpoint]);
          const dueMs = Math.min(sendAtMs ?? Infinity, tidyAtMs ?? Infinity);
          nowMs = Math.max(nowMs, Math.min(dueMs, nowMs + 3_600_000));
          if (tables.all().every(({ state }) => state.status !== "due" && state.status !== "sending")) break;
        }
        expect(
          tables.all().filter(({ state }) => state.status === "due" || state.status === "sending"),
        ).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
