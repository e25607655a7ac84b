/** A ticket that is looked for while it moves from one store to the other. */
import { expect, it } from "vitest";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { failoverTickets } from "../../../src/stores/failover/tickets.ts";
import type { FallbackMoves } from "../../../src/stores/failover/fallback-store.ts";
import { manualClock } from "../../support/clock.ts";

const here = { about: { id: "here" } } as Ticket;
const there = { about: { id: "there" } } as Ticket;
const frozen = { about: { id: "frozen" } } as Ticket;

type Whereabouts = ReturnType<FallbackMoves["whereabouts"]>;

/** @param said where it is, and what the primary store answers, look by look */
function ticketsThat(
  said: readonly {
    readonly is: Whereabouts;
    readonly there: Ticket | null;
    readonly becomes?: Whereabouts;
  }[],
) {
  let look = -1;
  let isAnswered = true;
  const tickets = failoverTickets({
    fallback: {
      tickets: { load: async () => here } as never,
      moves: {
        whereabouts() {
          // Asked again after the primary store's answer, it may have become another.
          const now = said[look];
          if (isAnswered && now?.becomes !== undefined) {
            isAnswered = false;
            return now.becomes;
          }
          isAnswered = false;
          return said[++look]?.is ?? "absent";
        },
        frozen: () => (said[look]?.becomes === "absent" ? null : frozen),
      } as never,
      notes: {} as never,
    },
    primary: {
      async load() {
        isAnswered = true;
        return said[look]?.there ?? null;
      },
    } as never,
    watch: { ask: (verb) => verb() },
    clock: manualClock(),
    newId: () => "id",
    longestLifeMs: 1,
    onNote: () => {},
    onTaking: () => {},
  });
  return tickets.load("id");
}

it("is found here without asking the shared store", async () => {
  expect(await ticketsThat([{ is: "here", there }])).toBe(here);
});

it("is found there when it has moved", async () => {
  expect(await ticketsThat([{ is: "moving", there }])).toBe(there);
});

it("is shown as it was while it has not arrived", async () => {
  expect(await ticketsThat([{ is: "moving", there: null }])).toBe(frozen);
});

it("is looked for again when it arrived behind the question", async () => {
  const answer = await ticketsThat([
    { is: "moving", there: null, becomes: "absent" },
    { is: "absent", there },
  ]);
  expect(answer).toBe(there);
});

it("is away, not absent, when it can't be caught", async () => {
  const running = { is: "moving", there: null, becomes: "absent" } as const;
  await expect(ticketsThat([running, running, running])).rejects.toThrow(StoreAway);
});

it("is nowhere when both have said so", async () => {
  expect(await ticketsThat([{ is: "absent", there: null, becomes: "absent" }])).toBeNull();
});
