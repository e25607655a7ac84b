/** What older code has stored of a gate, as it stands in Redis, in SQLite and in a Durable Object. */
import { describe, expect, it } from "vitest";
import { completeGate, newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import { exchange, othersOf, takeReports } from "../../../src/domain/gate/report.ts";
import { recordOf } from "../../../src/domain/gate/model-records.ts";
import type { OlderGate } from "../../../src/domain/gate/older-gates.ts";
import type { Finding, CallReport } from "../../../src/domain/gate/call-report.ts";
import { gateWithModels, storedMs } from "../../support/older-gate.ts";
import { limits } from "../durable-builders.ts";

const fault: Finding = { kind: "fault" };
const healthy: Finding = { kind: "healthy", judged: true };

function of(tenant: string, finding: Finding, comparison = "e"): CallReport {
  const call = {
    comparison: comparison.repeat(16),
    tenant: tenant.repeat(16),
    model: "m",
    beganAgoMs: 800,
    beforeAgoMs: 2_000,
    ticket: { unreadableAgoMs: null, thrownAgoMs: null },
  };
  return { permit: null, epoch: 0, finding, durationMs: 800, call };
}

function tell(gate: GateState, callReport: CallReport, atMs: number): GateState {
  return exchange(gate, `${atMs}`, [callReport], storedMs + atMs, limits, 0.5).gate;
}

describe("a gate with `models`, of code that counted parties in lists", () => {
  const carried = completeGate(gateWithModels());

  it("keeps how its models have answered", () => {
    expect(recordOf(carried.records, "m")).toEqual({
      answers: [
        { comparison: "c".repeat(16), atMs: storedMs + 500 },
        { comparison: "a".repeat(16), atMs: storedMs },
      ],
      judgedAtMs: storedMs + 500,
      calls: "00",
    });
    expect(recordOf(carried.records, "o")).toEqual({ answers: [], judgedAtMs: null, calls: "11" });
    expect(othersOf(carried, of("1", fault), storedMs + 1_200)).toMatchObject({
      served: true,
      judged: "since",
    });
  });

  it("keeps faults in a row, holds and all else; whose the calls were begins anew", () => {
    expect(carried.breaker).toMatchObject({
      state: "closed",
      faultsInRow: 2,
      window: [],
      lately: { calls: 4, faults: 2 },
    });
    const { models: _, breaker: __, ...kept } = gateWithModels();
    expect(carried).toMatchObject(kept);
    const after = tell(tell(carried, of("1", healthy), 1_300), of("2", fault), 1_400);
    expect(after.breaker).toMatchObject({ byTenant: { calls: 2 }, byModel: { calls: 2 } });
    expect(JSON.stringify(after)).not.toMatch(/"(?:tenants|models)"/u);
  });

  it("takes neither what such code has carried along nor forgets what it counted meanwhile", () => {
    const own = tell(tell(newGate, of("1", healthy, "f"), 0), of("3", fault), 100);
    const { breaker, models } = gateWithModels();
    const mixed: OlderGate = { ...own, breaker: { ...own.breaker, ...breaker }, ...(models && { models }) };
    const both = completeGate(mixed);
    expect(both.breaker).not.toHaveProperty("byTenant");
    expect(recordOf(both.records, "m").answers).toEqual([{ comparison: "f".repeat(16), atMs: storedMs }]);
    expect(recordOf(both.records, "n").answers).toHaveLength(1);
    expect(both.records.map((record) => record.split(" ")[0])).toEqual(["o", "n", "m"]);
  });
});

it("carries on a gate that knows no models at all, and one that is whole as it is", () => {
  const {
    records: _,
    paces: __,
    probed: ___,
    cleanEnds: ____,
    kept: _____,
    waitsEndedMs: ______,
    ...older
  } = newGate;
  const carried = completeGate(older);
  expect(carried).toEqual(newGate);
  expect(completeGate(carried)).toBe(carried);
  expect(takeReports(carried, "r", [of("1", fault)], storedMs, limits, 0.5).records).toHaveLength(1);
});
