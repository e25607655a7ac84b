/** A short run of the simulation; `npm run sim` is the long one. */
import { expect, it } from "vitest";
import { bugs } from "./bugs.ts";
import { regressions } from "./regressions.ts";
import { simulate } from "./simulate.ts";

it("keeps every promise in a hundred histories", { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= 100; seed++)
    expect(await simulate(seed)).toMatchObject({ seed, violation: null });
});

it.each(regressions)("keeps every promise where it once did not: $sentence", async ({ seed }) => {
  expect((await simulate(seed)).violation).toBeNull();
});

it.each([41, 517, 917, 25])("is the same history whenever the seed is the same: %i", async (seed) => {
  const first = await simulate(seed, { isTold: true });
  expect(first.lines.length).toBeGreaterThan(200);
  expect(await simulate(seed, { isTold: true })).toEqual(first);
  expect((await simulate(seed + 1)).traceHash).not.toBe(first.traceHash);
});

it(
  "moves tickets and withdraws what is doubtful, where processes share a store",
  { timeout: 60_000 },
  async () => {
    const seen = new Set<string>();
    for (let seed = 5; seed <= 150; seed += 5)
      for (const { what } of (await simulate(seed, { isTold: true })).lines) seen.add(what);
    expect([...seen]).toEqual(
      expect.arrayContaining(["store_away", "store_back", "tickets_moved", "judged_for_nobody"]),
    );
  },
);

it("judges tickets, fails some, and lets some expire", { timeout: 60_000 }, async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 40; seed++)
    for (const end of Object.keys((await simulate(seed)).ends)) seen.add(end);
  expect([...seen].toSorted()).toEqual(["completed", "expired", "failed"]);
});

it("sees that a 202 leaves before its ticket is stored", async () => {
  expect(await firstFound("a 202 leaves before the ticket is stored")).toBe("1 kept");
});

it("sees a verdict that no judge has given", async () => {
  expect(await firstFound("what can't be read is Essay A")).toBe("3 true");
});

it("sees that a ticket has two owners where processes share a store", async () => {
  expect(await firstFound("a ticket is worked on while it moves")).toBe("3 one holder");
});

it("sees that a ticket in another's file is called unknown", async () => {
  expect(await firstFound("a marked id that can't be found is unknown")).toBe("1 kept");
});

it("sees that nobody asks for what was claimed for it", async () => {
  expect(await firstFound("what a call claimed whose answer was lost is not asked for")).toBe("3 true");
});

async function firstFound(name: string): Promise<string | undefined> {
  const bug = bugs.find((bug) => bug.name === name);
  if (bug === undefined) throw new Error(`there is no bug ${name}`);
  for (let seed = 1; seed <= 40; seed++) {
    const { violation } = await simulate(seed, { seams: bug.plant() });
    if (violation !== null) return violation.promise;
  }
  return undefined;
}
