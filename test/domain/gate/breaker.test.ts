import * as fc from "fast-check";
import { expect, it } from "vitest";
import {
  breakerState,
  breakerTurn,
  closedBreaker,
  recordHealth,
  takeProbe,
  turnOf,
  type Breaker,
  type BreakerLimits,
  type Health,
} from "../../../src/domain/gate/breaker.ts";

const limits: BreakerLimits = {
  failureThreshold: 3,
  successThreshold: 2,
  recoveryMs: 10_000,
  maxOpenMs: 60_000,
};
const record = (breaker: Breaker, health: Health, permit: string | null, nowMs: number, random = 0) =>
  recordHealth(breaker, { permit, epoch: null, health }, nowMs, limits, random);

const open: Breaker = { state: "open", epoch: 1, probeFromMs: 10_000, failedProbes: 0 };
const probing: Breaker = {
  state: "half_open",
  epoch: 1,
  probe: { permit: "p", endsAtMs: 90_000 },
  goodProbes: 0,
  failedProbes: 0,
};
const free: Breaker = { ...probing, probe: null };
const almost: Breaker = { ...probing, goodProbes: 1 };
const afterTwo: Breaker = { state: "closed", epoch: 1, faultsInRow: 2, window: [] };

const states = { closed: closedBreaker, afterTwo, open, free, probing, almost };
const heard: [Health, string | null][] = [
  ["healthy", "p"],
  ["healthy", null],
  ["fault", "p"],
  ["fault", "stranger"],
  ["nothing", "p"],
  ["nothing", null],
];

// Every state meets all that can be heard, at 20 s. What is not in this table leaves the breaker as it is.
const moves: Record<string, object> = {
  "closed healthy p": { state: "closed", epoch: 0, faultsInRow: 0 },
  "closed healthy null": { state: "closed", epoch: 0, faultsInRow: 0 },
  "closed fault p": { state: "closed", faultsInRow: 1 },
  "closed fault stranger": { state: "closed", faultsInRow: 1 },
  "afterTwo healthy p": { state: "closed", faultsInRow: 0 },
  "afterTwo healthy null": { state: "closed", faultsInRow: 0 },
  "afterTwo fault p": { state: "open", epoch: 2, probeFromMs: 30_000, failedProbes: 0 },
  "afterTwo fault stranger": { state: "open", epoch: 2, probeFromMs: 30_000, failedProbes: 0 },
  "probing healthy p": { state: "half_open", probe: null, goodProbes: 1 },
  "probing fault p": { state: "open", epoch: 1, failedProbes: 1 },
  "probing nothing p": { state: "half_open", probe: null, goodProbes: 0 },
  "almost healthy p": { state: "closed", epoch: 1, faultsInRow: 0, window: [] },
  "almost fault p": { state: "open", epoch: 1, failedProbes: 1 },
  "almost nothing p": { state: "half_open", probe: null, goodProbes: 1 },
};
for (const [name, breaker] of Object.entries(states)) {
  for (const [health, permit] of heard) {
    const expected = moves[`${name} ${health} ${permit}`];
    it(`${name} + ${health} of ${permit} -> ${expected ? JSON.stringify(expected) : "as it was"}`, () => {
      const after = record(breaker, health, permit, 20_000);
      expect(after).toMatchObject(expected ?? breaker);
      expect(after === breaker).toBe(expected === undefined);
    });
  }
}

it("ignores late answers of calls that were let through before it opened, after it has closed again", () => {
  const late = recordHealth(afterTwo, { permit: null, epoch: 0, health: "fault" }, 0, limits, 0);
  expect(late).toBe(afterTwo);
  const present = recordHealth(afterTwo, { permit: null, epoch: 1, health: "fault" }, 0, limits, 0);
  expect(present.state).toBe("open");
  const lateSuccess = recordHealth(afterTwo, { permit: null, epoch: 0, health: "healthy" }, 0, limits, 0);
  expect(lateSuccess).toBe(afterTwo);
});

it("counts a probe's permit once", () => {
  const once = record(probing, "healthy", "p", 20_000);
  expect(record(once, "healthy", "p", 20_000)).toBe(once);
});

it("lets one probe through when its time is over, and not a millisecond before", () => {
  expect(breakerTurn(open, 9_999)).toEqual({ kind: "wait", untilMs: 10_000 });
  expect(breakerState(open, 9_999)).toBe("open");
  expect(breakerTurn(open, 10_000)).toEqual({ kind: "one" });
  expect(breakerState(open, 10_000)).toBe("half_open");
  const taken = takeProbe(open, { permit: "p", endsAtMs: 85_000 });
  expect(breakerTurn(taken, 10_000)).toEqual({ kind: "wait", untilMs: 85_000 });
});

it("gives a dead prober's turn away when its lease ends, and not a millisecond before", () => {
  expect(breakerTurn(probing, 89_999).kind).toBe("wait");
  expect(breakerTurn(probing, 90_000)).toEqual({ kind: "one" });
  const given = takeProbe(probing, { permit: "q", endsAtMs: 99_000 });
  expect(record(given, "fault", "p", 91_000)).toBe(given);
  expect(record(given, "fault", "q", 91_000).state).toBe("open");
});

it("waits for the next caller, however long, when nobody is there to probe", () => {
  expect(breakerTurn(free, 10 ** 12)).toEqual({ kind: "one" });
  expect(breakerTurn(open, 10 ** 12)).toEqual({ kind: "one" });
});

it.each([
  [0, 0, 10_000],
  [0, 0.999_999_99, 11_000],
  [1, 0, 20_000],
  [1, 0.999_999_99, 22_000],
  [2, 0, 40_000],
  [2, 0.999_999_99, 44_000],
  [3, 0, 54_545],
  [3, 0.999_999_99, 60_000],
  [40, 0.999_999_99, 60_000],
])("stays open after %i failed probes, with randomness %f, for %i ms", (failedProbes, random, openMs) => {
  // One failed probe fewer, and then one fails; the first time, faults open it.
  const before: Breaker = failedProbes === 0 ? afterTwo : { ...probing, failedProbes: failedProbes - 1 };
  expect(record(before, "fault", "p", 1_000, random)).toMatchObject({
    state: "open",
    probeFromMs: 1_000 + openMs,
    failedProbes,
  });
});

it("starts with the recovery time again after it was closed", () => {
  const closed = record({ ...almost, failedProbes: 5 }, "healthy", "p", 0);
  const faults = [1, 2, 3].reduce((breaker) => record(breaker, "fault", null, 0), closed);
  expect(faults).toEqual({ state: "open", epoch: 2, probeFromMs: 10_000, failedProbes: 0 });
});

it("doubles on, when a probe fails after a good one", () => {
  expect(record({ ...almost, failedProbes: 1 }, "fault", "p", 0)).toMatchObject({
    probeFromMs: 40_000,
    failedProbes: 2,
  });
});

/** Alternates so that faults never stand three in a row. */
function mixed(faults: number, others: number): Breaker {
  let breaker = closedBreaker;
  for (let i = 0; i < Math.max(faults, others); i++) {
    if (i < faults) breaker = record(breaker, "fault", null, 5_000);
    if (i < others) breaker = record(breaker, "healthy", null, 5_000);
  }
  return breaker;
}

it("opens at 10 faults among 20 calls; not among 19 calls, and not at 9 of 20", () => {
  expect(mixed(10, 9).state).toBe("closed");
  expect(mixed(9, 11).state).toBe("closed");
  expect(mixed(10, 10).state).toBe("open");
});

it("looks back ten seconds and not further", () => {
  const before = mixed(10, 9);
  expect(record(before, "healthy", null, 14_999).state).toBe("open");
  expect(record(before, "healthy", null, 15_000).state).toBe("closed");
});

it("forgets counts from the future, when the clock was set back", () => {
  expect(record(mixed(10, 9), "healthy", null, 1_000).state).toBe("closed");
});

it("counts no call that says nothing, neither in a row nor in the window", () => {
  const before = mixed(10, 9);
  const after = Array.from({ length: 50 }).reduce<Breaker>((b) => record(b, "nothing", null, 5_000), before);
  expect(after).toBe(before);
  expect(record(record(afterTwo, "nothing", null, 0), "fault", null, 0).state).toBe("open");
});

interface Step {
  readonly kind: "call" | "tick";
  readonly health: Health;
  readonly forMs: number;
  readonly dies: boolean;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("call" as const, "call" as const, "tick" as const),
    health: fc.constantFrom<Health>("healthy", "fault", "fault", "nothing"),
    forMs: fc.integer({ min: 0, max: 12_000 }),
    dies: fc.boolean(),
  }),
  { maxLength: 120, size: "max" },
);

/** The contract's sentences, as directly as they can be written: the whole history is kept, and nothing is bucketed but the second. */
function naive() {
  const seen: { atMs: number; fault: boolean }[] = [];
  let inRow = 0;
  let openUntilMs: number | null = null;
  let failed = 0;
  let good = 0;
  let leaseMs: number | null = null;
  return {
    mayCall(nowMs: number): "free" | "one" | "wait" {
      if (openUntilMs === null) return "free";
      return nowMs < Math.max(openUntilMs, leaseMs ?? 0) ? "wait" : "one";
    },
    probeBegins: (endsAtMs: number) => void (leaseMs = endsAtMs),
    probeEnds(health: Health, nowMs: number) {
      leaseMs = null;
      if (health === "fault") {
        failed++;
        good = 0;
        openUntilMs = nowMs + openMs(failed);
      }
      // A good one takes the doubling back, and three more may fail before it begins again.
      if (health === "healthy") failed = -3;
      if (health === "healthy" && ++good === limits.successThreshold) {
        openUntilMs = null;
        inRow = failed = good = 0;
        seen.length = 0;
      }
    },
    callEnds(health: Health, nowMs: number) {
      if (health === "nothing") return;
      seen.push({ atMs: nowMs, fault: health === "fault" });
      inRow = health === "fault" ? inRow + 1 : 0;
      const recent = seen.filter(({ atMs }) => Math.floor(atMs / 1000) > Math.floor(nowMs / 1000) - 10);
      const faults = recent.filter(({ fault }) => fault).length;
      if (inRow >= limits.failureThreshold || (recent.length >= 20 && faults >= recent.length / 2)) {
        // Likewise where some were answered.
        failed = inRow >= limits.failureThreshold ? 0 : -3;
        openUntilMs = nowMs + openMs(failed);
        good = 0;
      }
    },
  };
}
/** Without randomness: the tenth of jitter is taken off at the cap only. */
const openMs = (failed: number) =>
  Math.round(Math.max(10_000, Math.min(10_000 * 2 ** Math.max(0, failed), 60_000 / 1.1)));

it("does what a naive reading of the contract does, over any history, and survives JSON at every step", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const model = naive();
      let breaker: Breaker = closedBreaker;
      let nowMs = 0;
      history.forEach((step, index) => {
        nowMs += step.forMs;
        breaker = JSON.parse(JSON.stringify(breaker)) as Breaker;
        const turn = breakerTurn(breaker, nowMs).kind;
        expect(turn).toBe(model.mayCall(nowMs));
        if (step.kind === "tick") return;
        if (turn === "free") {
          breaker = record(breaker, step.health, null, nowMs);
          model.callEnds(step.health, nowMs);
        }
        if (turn === "one") {
          const permit = `p${index}`;
          breaker = takeProbe(breaker, { permit, endsAtMs: nowMs + 5_000 });
          model.probeBegins(nowMs + 5_000);
          if (step.dies) return;
          breaker = record(breaker, step.health, permit, nowMs);
          model.probeEnds(step.health, nowMs);
        }
        if (turn === "wait") breaker = record(breaker, step.health, null, nowMs);
      });
    }),
    { numRuns: 500 },
  );
});

const evil = { tenant: "e", model: "m" };
const good = { tenant: "g", model: "m" };
const told = (
  breaker: Breaker,
  health: Health,
  by: typeof evil,
  nowMs: number,
  permit: string | null = null,
) => recordHealth(breaker, { permit, epoch: breaker.epoch, health, by }, nowMs, limits, 0);
const faultsOf = (breaker: Breaker, ...callers: readonly (typeof evil)[]) =>
  callers.reduce<Breaker>((before, by, at) => told(before, "fault", by, 1_000 + at), breaker);
const openedBy = (...callers: readonly (typeof evil)[]) => faultsOf(closedBreaker, ...callers);
const live = (breaker: Breaker, whose: typeof evil, nowMs = 2_000) => turnOf(breaker, whose, nowMs).kind;
const probe = (permit: string) => ({ permit, endsAtMs: 99_000 });
const stranger = { tenant: "", model: "m" };

it("opens for one tenant and model alone where only they have called, and is closed for others", () => {
  const breaker = openedBy(evil, evil, evil);
  expect(live(breaker, evil)).toBe("wait");
  expect(live(breaker, stranger)).toBe("wait");
  for (const other of [good, { tenant: "e", model: "n" }]) {
    expect(live(breaker, other)).toBe("free");
  }
  // Two of the others' faults are too few, and an answer between them begins anew.
  const well = told(faultsOf(breaker, good, good), "healthy", good, 1_010);
  expect(live(faultsOf(well, good, good), good)).toBe("free");
  // The one for whom it is open has his own time and his own probes.
  expect(live(well, evil, 10_500)).toBe("wait");
  expect(live(well, evil, 11_100)).toBe("one");
});

it("opens for what both have in common where the others' faults meet the rule too", () => {
  const two = faultsOf(openedBy(evil, evil, evil), good, good, good);
  expect(live(two, good)).toBe("wait");
  expect(live(two, { tenant: "third", model: "m" })).toBe("wait");
  expect(live(two, { tenant: "third", model: "n" })).toBe("free");
  const n = { tenant: "third", model: "n" };
  const all = faultsOf(two, n, n, n);
  expect(live(all, { tenant: "fourth", model: "o" })).toBe("wait");
});

it("does not hear, once it has closed, of others' calls from before it opened for them too", () => {
  const forOne = openedBy(evil, evil, evil);
  const forAll = faultsOf(forOne, good, good, good);
  const once = told(takeProbe(forAll, probe("p")), "healthy", evil, 20_000, "p");
  const closed = told(takeProbe(once, probe("q")), "healthy", good, 20_001, "q");
  expect(closed.state).toBe("closed");
  // Of the many that hung meanwhile.
  const late = { permit: null, epoch: forOne.epoch, health: "fault", by: good } as const;
  expect(recordHealth(closed, late, 21_000, limits, 0)).toBe(closed);
});

it("closes with what was counted of others, after good probes of the one that it was open for", () => {
  const others = told(openedBy(evil, evil, evil), "healthy", good, 1_010);
  const once = told(takeProbe(others, probe("p")), "healthy", evil, 12_000, "p");
  expect(once.state).toBe("half_open");
  const closed = told(takeProbe(once, probe("q")), "healthy", evil, 12_001, "q");
  expect(closed).toMatchObject({ state: "closed", epoch: 1, byTenant: { answered: "g" } });
});

it("does not hear of others what was let through before it opened", () => {
  const breaker = openedBy(evil, evil, evil);
  const late = { permit: null, epoch: 0, health: "healthy", by: good } as const;
  expect(recordHealth(breaker, late, 1_000, limits, 0)).toBe(breaker);
});

it("opens for all where two tenants of two models have called", () => {
  const n = { tenant: "g", model: "n" };
  const mixed = openedBy(evil, n, evil, n, evil, n);
  expect(mixed).toMatchObject({ state: "open" });
  expect(live(mixed, { tenant: "third", model: "o" })).toBe("wait");
});

it("doesn't count for one what another had before, where that one alone has called lately", () => {
  const before = told(openedBy(evil, evil), "healthy", { tenant: "g", model: "n" }, 1_010);
  const ill = faultsOf(before, evil, evil);
  const stumbled = recordHealth(
    ill,
    { permit: null, epoch: 0, health: "fault", by: good },
    150_000,
    limits,
    0,
  );
  expect(stumbled.state).toBe("closed");
});

it("lets a live call of another probe at any time, after a probe in vain, and in his place", () => {
  const failed = told(takeProbe(open, probe("p")), "fault", evil, 20_000, "p");
  expect([live(failed, evil, 20_001), live(failed, stranger, 20_001)]).toEqual(["wait", "wait"]);
  expect(live(failed, good, 20_001)).toBe("one");
  const again = takeProbe(failed, probe("q"));
  expect(live(again, good, 50_000)).toBe("one");
  const early = takeProbe(again, probe("r"), true);
  expect(live(early, { tenant: "third", model: "m" }, 50_001)).toBe("wait");
  // The one whose place it took says nothing any more.
  expect(told(early, "fault", evil, 50_002, "q")).toBe(early);
  const inVain = told(early, "fault", good, 50_003, "r");
  expect(inVain).toMatchObject({ state: "open", failedProbes: 1 });
  expect(live(inVain, good, 50_004)).toBe("wait");
  // It counts like any other probe.
  expect(told(early, "healthy", good, 50_003, "r")).toMatchObject({ state: "half_open", goodProbes: 1 });
});
