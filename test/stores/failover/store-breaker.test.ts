import { expect, it } from "vitest";
import {
  answered,
  failed,
  lost,
  probe,
  probed,
  probeMs,
  unknownStore,
  type StoreBreaker,
} from "../../../src/stores/failover/store-breaker.ts";

const nowMs = 10_000;
const states = {
  closed: { state: "closed", failures: 0 },
  "closed after a failure": { state: "closed", failures: 1 },
  open: { state: "open", probeAtMs: nowMs + 1 },
  "open, its probe due": { state: "open", probeAtMs: nowMs },
  probing: { state: "probing" },
} satisfies Record<string, StoreBreaker>;
const opened = { state: "open", probeAtMs: nowMs + probeMs };
const still = "still";

const events: Record<string, (breaker: StoreBreaker) => StoreBreaker> = {
  "an answer": answered,
  "a failure": (breaker) => failed(breaker, nowMs),
  "the loss of the connection": (breaker) => lost(breaker, nowMs),
  "the time of a probe": (breaker) => probe(breaker, nowMs),
  "a probe that is answered": (breaker) => probed(breaker, true, nowMs),
  "a probe that is not": (breaker) => probed(breaker, false, nowMs),
};

const becomes: Record<keyof typeof states, readonly unknown[]> = {
  closed: [still, states["closed after a failure"], opened, still, still, still],
  "closed after a failure": [states.closed, opened, opened, still, still, still],
  open: [still, still, still, still, still, still],
  "open, its probe due": [still, still, still, states.probing, still, still],
  probing: [still, still, still, still, states.closed, opened],
};

for (const [name, state] of Object.entries(states)) {
  for (const [index, [event, act]] of Object.entries(events).entries()) {
    const expected = becomes[name as keyof typeof states][index];
    it(`${name}: ${event} ${expected === still ? "changes nothing" : `leads to ${JSON.stringify(expected)}`}`, () => {
      const next = act(state);
      expect(next === state ? still : next).toEqual(expected);
    });
  }
}

it("looks for the store at once when nobody knows yet", () => {
  expect(probe(unknownStore(nowMs), nowMs)).toEqual({ state: "probing" });
});
