import { expect, it } from "vitest";
import { copyWriter } from "../../../src/stores/mirror/copy-writer.ts";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import { lifeOf } from "./some-ticket.ts";

function keeper() {
  const [queued, processing, ended] = lifeOf(0);
  const world = {
    nowMs: 0,
    ticket: queued as Ticket | null,
    written: [] as number[],
    failures: 0,
    /** Answers the write that is under way. */
    answer: (() => undefined) as (isWell: boolean) => void,
  };
  const keep = copyWriter(
    () => world.ticket,
    (ticket) => {
      world.written.push(ticket.progress.events);
      return new Promise((resolve, reject) => {
        world.answer = (isWell) => (isWell ? resolve() : reject(new Error("away")));
      });
    },
    () => world.nowMs,
    () => world.failures++,
  );
  return { world, keep, queued, processing, ended };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

it("writes each state once, and what came meanwhile after it", async () => {
  const { world, keep, processing, ended } = keeper();
  expect(keep.isUnsure()).toBe(true);
  const first = keep.bring();
  world.ticket = processing;
  void keep.bring();
  world.ticket = ended;
  void keep.bring();
  expect(world.written).toEqual([1]);
  world.answer(true);
  await turn();
  expect(world.written).toEqual([1, 3]);
  world.answer(true);
  await first;
  expect(keep.isUnsure()).toBe(false);
  await keep.bring();
  expect(world.written).toEqual([1, 3]);
  expect(world.failures).toBe(0);
  expect(keep.againAtMs()).toBeNull();
});

it.each([
  [0, 30_000],
  [30_000, 30_000],
  [90_000, 90_000],
  [3_600_000, 3_600_000],
  [9_000_000, 3_600_000],
])("after a failure %d ms after the move it comes again in %d ms", async (age, waitMs) => {
  const { world, keep } = keeper();
  world.nowMs = age;
  const brought = keep.bring();
  expect(keep.againAtMs()).toBeNull();
  world.answer(false);
  await brought;
  expect(keep.againAtMs()).toBe(age + waitMs);
  expect(world.failures).toBe(1);
  void keep.bring();
  expect(keep.againAtMs()).toBeNull();
  world.answer(true);
  await turn();
  expect(keep.againAtMs()).toBeNull();
  expect(world.written).toEqual([1, 1]);
  expect(world.failures).toBe(1);
});

it("writes again at the next move after a failure, however soon", async () => {
  const { world, keep, processing } = keeper();
  const brought = keep.bring();
  world.answer(false);
  await brought;
  world.ticket = processing;
  void keep.bring();
  expect(world.written).toEqual([1, 2]);
});

it("does nothing for a ticket that is gone", async () => {
  const { world, keep } = keeper();
  world.ticket = null;
  await keep.bring();
  expect(world.written).toEqual([]);
});
