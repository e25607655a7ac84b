/** A gate's state is written whole with every change that matters, so it stays small whatever callers and vendors do. */
import { expect, it } from "vitest";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { gateWorld, healthy, queueItem } from "../durable-builders.ts";

const hex = (number: number) => number.toString(16).padStart(16, "0");

it("stays below 8 KB at its fullest: models, tenants, holds with askers, paces, probes, batches, a window of faults", () => {
  const { keeper, world, gate } = gateWorld({ concurrency: 40, maxSize: 1_000, maxBytes: 1e9 });
  world.nowMs = Date.UTC(2026, 10, 30);
  const model = (i: number) => `vendor/a-long-name-of-a-model-${String(i).padStart(4, "0")}`;
  let largest = 0;
  let batches = 0;
  const tell = (given: Partial<CallReport> & Pick<CallReport, "finding">, i: number) => {
    const call = {
      comparison: hex(i * 7_919),
      tenant: hex(i % 9),
      model: model(i % 90),
      beganAgoMs: 100,
      beforeAgoMs: 1_000,
      ticket: { unreadableAgoMs: null, thrownAgoMs: null },
    };
    keeper.exchange(`00000000-0000-4000-8000-${String(batches++).padStart(12, "0")}`, [
      { ...healthy, call, ...given },
    ]);
    largest = Math.max(largest, JSON.stringify(gate()).length);
  };
  for (let i = 0; i < 600; i++) {
    world.nowMs += 37;
    tell({ finding: { kind: "healthy", judged: true } }, i);
    tell({ finding: { kind: "fault" } }, i + 3);
    if (i % 3 === 0) tell({ finding: { kind: "healthy", judged: true } }, i + 50);
    const limited = { kind: "rate_limited", model: model(i % 90), holdMs: 900_000 } as const;
    tell({ finding: limited }, i);
    const why = "credentials_refused" as const;
    tell({ finding: { kind: "refused", why, model: model(i % 90) } }, i * 31);
    const of = { model: model(i % 90), tenant: hex(i % 9), comparison: hex(i) };
    if (i < 90) keeper.enqueue(queueItem(crypto.randomUUID(), of), 0);
    if (i % 60 === 0) world.nowMs += 12_000;
    for (const id of keeper.look().send) {
      const permit = crypto.randomUUID();
      const place = keeper.find(id);
      if (place) keeper.start(place, { permit, notBeforeMs: 0, suspect: false });
    }
    if (i % 20 === 0) keeper.remove(`t${i}`, 16_000);
  }
  // Open for one alone, and then full of what others do.
  world.nowMs += 12_000;
  const one = { comparison: hex(1), tenant: hex(100), model: model(91), beganAgoMs: 100, beforeAgoMs: 1_000 };
  for (let i = 0; i < 30 && gate().breaker.state !== "open"; i++)
    tell({ finding: { kind: "fault" }, call: one }, i);
  expect(gate().breaker).toMatchObject({ state: "open", others: {} });
  const permit = crypto.randomUUID();
  world.nowMs += 60_000;
  keeper.enter(permit, one);
  tell({ finding: { kind: "fault" }, permit, call: one }, 1);
  for (let i = 0; i < 60; i++) {
    world.nowMs += 37;
    tell({ finding: { kind: i % 3 === 0 ? "fault" : "healthy" } }, i);
  }
  expect(gate().breaker).toMatchObject({ others: {}, doubt: {} });
  expect(gate().holds.length).toBeGreaterThan(10);
  expect(gate().records.length).toBeGreaterThan(20);
  expect(largest).toBeGreaterThan(5_000);
  expect(largest).toBeLessThan(8_192);
});
