/** Who hears how a call went, whichever gate is in force by then. */
import { expect, it } from "vitest";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { StoreAway, type Gate } from "../../../src/gateway/ports.ts";
import { failoverGates } from "../../../src/stores/failover/gate.ts";
import { fault } from "../../domain/durable-builders.ts";

function world() {
  const heard: Record<string, CallReport[]> = { here: [], there: [] };
  let isAway = false;
  const here = new Set<string>(["ticket-here"]);
  const gateOf = (name: string): Gate => ({
    enter: async () => ({ kind: "call", epoch: 0, probe: null }),
    report: async (callReport) => {
      heard[name]?.push(callReport);
      return null;
    },
    estimate: async () =>
      ({ position: name === "here" ? 1 : 2, waitMs: null, opensAtMs: 0, why: "turn" }) as never,
    status: async () => name as never,
    order: async () => name as never,
  });
  const fallback = {
    gate: () => fallbackGate,
    moves: { whereabouts: (id: string) => (here.has(id) ? "here" : "absent") } as never,
  };
  const fallbackGate = gateOf("here");
  const primaryGate = gateOf("there");
  const gates = failoverGates({
    fallback,
    primary: { gate: () => primaryGate },
    watch: {
      isAway: () => isAway,
      ask: (verb) => (isAway ? Promise.reject(new StoreAway("away")) : verb()),
    },
  });
  return {
    gates,
    heard,
    go: (away: boolean) => {
      isAway = away;
    },
  };
}

it("tells the gate here of the call of a ticket that is here, though the shared one is in force", async () => {
  const { gates, heard } = world();
  const gate = gates.of("mock");
  gates.began("p", "fallback");
  const outcome = { ...fault, permit: "p", epoch: 3 };
  await gate.report(outcome);
  expect(heard).toEqual({ here: [outcome], there: [] });
});

it("tells the shared gate of a ticket's call that it began, though the one here was in force by then", async () => {
  const { gates, heard, go } = world();
  gates.began("p", "primary");
  go(true);
  const gate = gates.of("mock");
  go(false);
  const outcome = { ...fault, permit: "p", epoch: 9 };
  await gate.report(outcome);
  expect(heard).toEqual({ here: [], there: [outcome] });
});

it("tells the gate here, without what only the shared one knows, while that is away", async () => {
  const { gates, heard, go } = world();
  const entered = gates.of("mock");
  gates.began("p", "primary");
  go(true);
  await gates.of("mock").report({ ...fault, permit: "p", epoch: 9 });
  await entered.report({ ...fault, permit: null, epoch: 9 });
  expect(heard).toEqual({ here: [fault, fault], there: [] });
});

it("tells the gate here of what it let in, though the shared one is back", async () => {
  const { gates, heard, go } = world();
  go(true);
  const gate = gates.of("mock");
  go(false);
  const outcome = { ...fault, permit: "probe", epoch: 2 };
  await gate.report(outcome);
  expect(heard).toEqual({ here: [outcome], there: [] });
});

it("forgets a permit whose call was never reported", async () => {
  const { gates, heard, go } = world();
  gates.began("p", "primary");
  gates.ended("p");
  go(true);
  const outcome = { ...fault, permit: "p", epoch: 9 };
  await gates.of("mock").report(outcome);
  expect(heard).toEqual({ here: [outcome], there: [] });
});

it("says of a ticket here where it stands here, and asks the shared gate for others", async () => {
  const { gates, go } = world();
  expect(await gates.of("mock").estimate("ticket-here")).toMatchObject({ position: 1 });
  expect(await gates.of("mock").estimate("ticket-there")).toMatchObject({ position: 2 });
  go(true);
  expect(await gates.of("mock").estimate("ticket-here")).toMatchObject({ position: 1 });
  await expect(gates.of("mock").estimate("ticket-there")).rejects.toThrow(StoreAway);
});

it("shows the gate in force", async () => {
  const { gates, go } = world();
  expect(await gates.of("mock").status()).toBe("there");
  go(true);
  expect(await gates.of("mock").status()).toBe("here");
});
