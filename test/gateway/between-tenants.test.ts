/**
 * What one tenant's requests do to another's, at vendors that are hard to tell from ill ones: in default settings and virtual time. Found by a
 * reader who meant harm.
 */
import { expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { vendorLab } from "../support/vendor-lab.ts";

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const unavailable: Failure = { reason: "unavailable", status: 500, retryAfterMs: null };
type Live = ReturnType<ReturnType<typeof vendorLab>["live"]>;
const lost = (live: readonly Live[]) => live.filter(({ end }) => end()?.submitted?.ok !== true).length;

it("tickets beside another tenant's live calls at a vendor's limit (1 a second, true Retry-After): none fails", async () => {
  let next = 0;
  const lab = vendorLab(({ atMs }) => {
    if (atMs < next) return { reason: "rate_limited", retryAfterMs: next - atMs };
    next = atMs + 1_000;
    return "judged";
  });
  for (let i = 0; i < 8; i++) await lab.queue(`t${i}`, { tenant: "school" });
  for (let i = 0; i < 60; i++) {
    lab.live(`live ${i}`, { tenant: "other" });
    await lab.pass(seconds);
  }
  await lab.pass(10 * minutes);
  expect(lab.failed()).toEqual([]);
});

it("sixteen hanging texts of one tenant: another's ticket is judged, as his live calls are", async () => {
  const lab = vendorLab(({ name }) => (name.startsWith("bad") ? "hangs" : "judged"));
  for (let i = 0; i < 16; i++) await lab.queue(`bad ${i}`, { tenant: "evil" });
  await lab.pass(seconds);
  await lab.queue("good", { tenant: "good" });
  const live: Live[] = [];
  while (lab.nowMs() < 4 * hours + 5 * minutes) {
    live.push(lab.live(`live ${lab.nowMs()}`, { tenant: "good" }));
    await lab.pass(30 * seconds);
  }
  expect([
    lost(live),
    lab.ticket("good").state.status,
    lab.callsOf("good").length,
    lab.calls.filter(({ name }) => name.startsWith("bad")).length <= 16 * 20,
  ]).toEqual([0, "completed", 1, true]);
}, 150_000);

it("three texts each 10 minutes that are answered after 40 s without a verdict: another's ticket each minute is judged within two", async () => {
  const lab = vendorLab(({ name }) =>
    name.startsWith("bad")
      ? { afterMs: 40_000, says: { reason: "unreadable", why: "no_verdict" } }
      : "judged",
  );
  lab.live("first", { tenant: "good" });
  await lab.pass(5 * minutes);
  for (let minute = 0; minute < 120; minute++) {
    if (minute % 10 === 0)
      for (let i = 0; i < 3; i++) await lab.queue(`bad ${minute} ${i}`, { tenant: "evil" });
    await lab.queue(`good ${minute}`, { tenant: "good" });
    await lab.pass(minutes);
  }
  const waiting = lab
    .names()
    .filter((name) => name.startsWith("good") && lab.ticket(name).state.status === "queued");
  expect(waiting.length).toBeLessThan(3);
}, 150_000);

it("one ticket that always gets a 429 (Retry-After: 60): another's live calls, one each 12 s, go on", async () => {
  const lab = vendorLab(({ name }) =>
    name === "bad" ? { reason: "rate_limited", retryAfterMs: minutes } : "judged",
  );
  await lab.queue("bad", { tenant: "evil" });
  const live: Live[] = [];
  for (let i = 0; i < 100; i++) {
    await lab.pass(12 * seconds);
    live.push(lab.live(`live ${i}`, { tenant: "good" }));
  }
  await lab.pass(seconds);
  expect(lost(live)).toBe(0);
});

it("six faults of one tenant, then 20 s later one single fault of another's: his call is tried again, and the breaker stays closed", async () => {
  let stumbles = 1;
  const lab = vendorLab(({ name }) =>
    name.startsWith("bad") || (name === "good 0" && stumbles-- > 0) ? unavailable : "judged",
  );
  lab.live("before", { tenant: "good" });
  await lab.pass(seconds);
  for (let i = 0; i < 2; i++) lab.live(`bad ${i}`, { tenant: "evil" });
  await lab.pass(20 * seconds);
  const live: Live[] = [];
  for (let i = 0; i < 9; i++) {
    live.push(lab.live(`good ${i}`, { tenant: "good" }));
    await lab.pass(seconds);
  }
  // The blame is good's: a third, who comes now, is served.
  const third = lab.live("third", { tenant: "third" });
  await lab.pass(seconds);
  expect([lost(live), lost([third])]).toEqual([0, 0]);
});

it("a model paused for one tenant's faults, and after it one single fault of another's: his calls go on", async () => {
  let stumbles = 1;
  const lab = vendorLab(({ name }) =>
    name.startsWith("bad") || (name === "good 0" && stumbles-- > 0) ? unavailable : "judged",
  );
  for (let i = 0; i < 3; i++) {
    lab.live(`other ${i}`, { tenant: "third", model: "n" });
    lab.live(`bad ${i}`, { tenant: "evil", model: "m" });
    await lab.pass(seconds);
  }
  expect((await lab.status()).held).toMatchObject([{ why: "faults" }]);
  const live: Live[] = [];
  for (let i = 0; i < 30; i++) {
    lab.live(`more ${i}`, { tenant: "third", model: "n" });
    if (i >= 12) live.push(lab.live(`good ${i - 12}`, { tenant: "good", model: "m" }));
    await lab.pass(seconds);
  }
  expect(lost(live)).toBe(0);
});

it.each([
  [2, 1],
  [5, 1],
  [1, 3],
  [5, 3],
])(
  "every third call answered: thirty tickets of %i tenants and %i models are judged within 8 minutes",
  async (tenants, models) => {
    for (const seed of [1, 2, 3]) {
      const lab = vendorLab(({ number }) => (number % 3 === 0 ? "judged" : unavailable), seed);
      for (let i = 0; i < 30; i++)
        await lab.queue(`t${i}`, { tenant: `t${i % tenants}`, model: `m${i % models}` });
      await lab.pass(8 * minutes);
      expect(lab.counted()).toEqual({ completed: 30 });
    }
  },
);
