/**
 * One tenant's requests fail while nobody else calls, so that nobody knows whether it is the provider: in default settings and virtual time, the
 * others notice nothing when they come.
 */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { vendorLab, type LabAnswer } from "../support/vendor-lab.ts";

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const unavailable: Failure = { reason: "unavailable", status: 500, retryAfterMs: null };

type Live = ReturnType<ReturnType<typeof vendorLab>["live"]>;
const lost = (live: readonly Live[]) => live.filter(({ end }) => end()?.submitted?.ok !== true).length;
const badTexts = (answer: LabAnswer) => vendorLab(({ name }) => (name.startsWith("bad") ? answer : "judged"));

describe("sixteen texts of one tenant that the provider can't bear", () => {
  it.each([
    ["answered with a 500", 12, unavailable],
    ["answered with a 500", 60, unavailable],
    ["never answered", 12, "hangs"],
    ["never answered", 60, "hangs"],
  ] as const)("%s, cost another, who calls each %i s, no live call in an hour", async (_, every, answer) => {
    const lab = badTexts(answer);
    for (let i = 0; i < 16; i++) await lab.queue(`bad ${i}`, { tenant: "evil" });
    const live = [];
    while (lab.nowMs() < hours) {
      live.push(lab.live(`good ${lab.nowMs()}`, { tenant: "good" }));
      await lab.pass(every * seconds);
    }
    expect([lost(live), live.length]).toEqual([0, (hours / every) * (1 / seconds)]);
  });

  it("cost a class that begins all at once no live call", async () => {
    const lab = badTexts(unavailable);
    for (let i = 0; i < 16; i++) await lab.queue(`bad ${i}`, { tenant: "evil" });
    await lab.pass(5 * minutes);
    expect((await lab.status()).state).not.toBe("closed");
    const live = Array.from({ length: 30 }, (_, i) => lab.live(`good ${i}`, { tenant: "good" }));
    await lab.pass(seconds);
    expect(lost(live)).toBe(0);
  });

  it("of one model, cost another's live calls of that model none while a third's of another are answered", async () => {
    const lab = badTexts(unavailable);
    const live: Live[] = [];
    const callBoth = () =>
      live.push(
        lab.live(`m ${lab.nowMs()}`, { tenant: "good", model: "m" }),
        lab.live(`n ${lab.nowMs()}`, { tenant: "third", model: "n" }),
      );
    callBoth();
    await lab.pass(500);
    for (let i = 0; i < 16; i++) await lab.queue(`bad ${i}`, { tenant: "evil", model: "m" });
    for (let i = 0; i < 40; i++) {
      callBoth();
      await lab.pass(500);
    }
    await lab.pass(10 * seconds);
    expect([lost(live), live.length]).toEqual([0, 82]);
  });

  it("keep nobody out after an outage that everybody saw", async () => {
    const lab = vendorLab(({ name, atMs }) =>
      name.startsWith("bad") || atMs < minutes ? unavailable : "judged",
    );
    for (let i = 0; i < 16; i++) await lab.queue(`bad ${i}`, { tenant: "evil" });
    while (lab.nowMs() < minutes) {
      lab.live(`outage ${lab.nowMs()}`, { tenant: "good" });
      await lab.pass(seconds);
    }
    // For so long the outage may still be believed: a breaker's longest open time.
    await lab.pass(minutes);
    const live = [];
    while (lab.nowMs() < hours) {
      live.push(lab.live(`good ${lab.nowMs()}`, { tenant: "good" }));
      await lab.pass(12 * seconds);
    }
    expect(lost(live)).toBe(0);
  });
});

it("a model that is down for everybody costs another model, called each 12 s, no live call", async () => {
  const lab = vendorLab(({ model }) => (model === "down" ? unavailable : "judged"));
  for (let i = 0; i < 16; i++) {
    await lab.queue(`down ${i}`, { tenant: i % 2 === 0 ? "one" : "two", model: "down" });
  }
  const live = [];
  while (lab.nowMs() < hours) {
    live.push(lab.live(`well ${lab.nowMs()}`, { tenant: "one", model: "well" }));
    await lab.pass(12 * seconds);
  }
  expect([lost(live), live.length]).toEqual([0, 300]);
});

it("three texts that never bring a judgement keep another tenant's ticket back for no more than a minute", async () => {
  const lab = vendorLab(({ name }) =>
    name.startsWith("odd") ? { reason: "unreadable", why: "no_verdict" } : "judged",
  );
  lab.live("before", { tenant: "good" });
  await lab.pass(5 * minutes);
  for (let i = 0; i < 3; i++) await lab.queue(`odd ${i}`, { tenant: "evil" });
  await lab.pass(hours);
  await lab.queue("good", { tenant: "good" });
  await lab.pass(minutes);
  expect(lab.ticket("good").state.status).toBe("completed");
});

it("an outage that one tenant saw first costs another five failed calls, and then none goes out but probes", async () => {
  const lab = vendorLab(() => unavailable);
  for (let i = 0; i < 8; i++) await lab.queue(`first ${i}`, { tenant: "one" });
  await lab.pass(5 * seconds);
  const before = lab.calls.length;
  const live = Array.from({ length: 5 }, (_, i) => lab.live(`live ${i}`, { tenant: "two" }));
  await lab.pass(20 * seconds);
  expect(lost(live)).toBe(5);
  const late = lab.calls.length;
  expect(late - before).toBeLessThan(12);
  lab.live("late", { tenant: "two" });
  await lab.pass(100);
  expect(lab.calls.length - late).toBeLessThan(3);
});
