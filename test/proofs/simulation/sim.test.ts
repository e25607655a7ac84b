/** A short run of the simulation; `npm run sim` is the long one. */
import { expect, it } from "vitest";
import { bugs } from "./bugs.ts";
import { drawPlan, faultKinds } from "./plan.ts";
import { regressions } from "./regressions.ts";
import { simulate } from "./simulate.ts";

/** Each takes a few seconds on a quiet machine. */
const far = { timeout: 240_000 };

it("keeps every promise in twenty histories", far, async () => {
  for (let seed = 1; seed <= 20; seed++)
    expect(await simulate(seed)).toMatchObject({ seed, violation: null });
});

it.each(regressions)("keeps every promise where it once did not: $sentence", async ({ seed }) => {
  expect((await simulate(seed)).violation).toBeNull();
});

it.each(regressions.filter(({ bug }) => bug !== null))(
  "would see it again: $sentence",
  async ({ seed, bug }) => {
    const planted = bugs.find(({ name }) => name === bug);
    if (planted === undefined) throw new Error(`there is no bug ${bug}`);
    expect((await simulate(seed, { seams: planted.plant() })).violation).not.toBeNull();
  },
);

it.each([42, 517, 917, 25, 80])("is the same history whenever the seed is the same: %i", async (seed) => {
  const first = await simulate(seed, { isTold: true });
  expect(first.lines.length).toBeGreaterThan(200);
  expect(await simulate(seed, { isTold: true })).toEqual(first);
  expect((await simulate(seed + 1)).traceHash).not.toBe(first.traceHash);
});

it("moves tickets and withdraws what is doubtful, where processes share a store", far, async () => {
  const seen = new Set<string>();
  for (let seed = 5; seed <= 150; seed += 5)
    for (const { what } of (await simulate(seed, { isTold: true })).lines) seen.add(what);
  expect([...seen]).toEqual(
    expect.arrayContaining(["store_away", "store_back", "tickets_moved", "judged_for_nobody"]),
  );
});

it("judges tickets, fails some, cancels some, and lets some expire", far, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 40; seed++)
    for (const end of Object.keys((await simulate(seed)).ends)) seen.add(end);
  expect([...seen].toSorted()).toEqual(["cancelled", "completed", "expired", "failed"]);
});

it("lives in quiet and in busy worlds, calm ones and troubled ones, and knows every fault", () => {
  const plans = Array.from({ length: 2_000 }, (_, at) => drawPlan(at + 1));
  expect(new Set(plans.flatMap(({ rates }) => [...rates.keys()]))).toEqual(new Set(faultKinds));
  const kinds = plans.map(
    ({ shape, traffic, isCalm }) => `${shape}, ${traffic}, ${isCalm ? "calm" : "troubled"}`,
  );
  expect(new Set(kinds).size).toBe(12);
});

it.each([
  ["a throw", "returned, threw"],
  ["a ticket whose calls throw", "failed, crashed"],
  ["a model that is refused", "wait model_refused"],
  ["a text whose answers can't be read", "failed, unreadable"],
  ["an ask of what is held", "started as a probe"],
])("meets %s", far, async (_, told) => {
  expect(await isTold(told)).toBe(true);
});

it.each([
  // Some of each kind; `npm run sim -- --bugs` plants them all.
  ["a 202 leaves before the ticket is stored", "1 kept"],
  ["a halt does not stop live calls", "halts"],
  ["a halt is over when the service starts", "halts"],
  ["a notice that the gate has not answered is not repeated", "9 places"],
  ["an alarm that has rung is not set again", "4 ends"],
  ["the gate does not remember what was withdrawn", "9 places"],
  ["a full queue's no is taken for a yes", "9 places"],
  ["a silence is never broken", "4 ends"],
  ["a cancelled ticket gives its place away while it is called for", "9 places"],
  ["a ticket is worked on while it moves", "3 one holder"],
  ["a fault is charged though nobody else is served", "5 attempts"],
  ["a throw keeps its permit", "12 given back"],
  ["a model's refusal holds the account", "13 whose"],
  ["waits don't end when the breaker closes", "4 ends"],
  ["what a ticket costs is not charged to its line", "13 whose"],
  ["a key's lease ends before its request", "idempotency"],
  ["a gate takes the moments of a ticket's clock for its own", "clocks"],
  ["a ticket does not see that its clock was set back", "7 as accepted"],
  ["an end is told before it is stored", "told"],
  ["a settle waits until receivers were told", "told"],
  ["an attempt has an event id of its own", "told"],
  ["a delivery is taken for delivered before it is sent", "told"],
  ["the latest goes to the bus first", "bus"],
])("sees that %s", far, async (bug, promise) => {
  expect(await firstFound(bug)).toBe(promise);
});

async function isTold(words: string): Promise<boolean> {
  for (let seed = 1; seed <= 400; seed++)
    if ((await simulate(seed, { isTold: true })).lines.some(({ what }) => what.includes(words))) return true;
  return false;
}

async function firstFound(name: string): Promise<string | undefined> {
  const bug = bugs.find((bug) => bug.name === name);
  if (bug === undefined) throw new Error(`there is no bug ${name}`);
  for (let seed = 1; seed <= 40; seed++) {
    const { violation } = await simulate(seed, { seams: bug.plant() });
    if (violation !== null) return violation.promise;
  }
  return undefined;
}
