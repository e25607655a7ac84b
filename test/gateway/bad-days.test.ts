/** Days that a provider, a proxy or a caller has had, in default settings and virtual time: who waits, who is told, and who notices nothing. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { vendorLab } from "../support/vendor-lab.ts";

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

const spent: Failure = { reason: "quota_exhausted", status: 429 };
/** A day's limit that ends hours from now: the longest that is believed. */
const limitOfTheDay: Failure = { reason: "rate_limited", retryAfterMs: 15 * minutes };
const page = (status: number): Failure => ({
  reason: "unavailable",
  status,
  retryAfterMs: null,
  fromBetween: true,
});
const unavailable: Failure = { reason: "unavailable", status: 500, retryAfterMs: null };

describe("what stops everybody for three hours", () => {
  it.each([
    ["a spending cap, told with a 429", spent],
    ["a day's limit, whose end is told", limitOfTheDay],
    ["an organisation on hold", { reason: "credentials_refused", status: 400 } as const],
  ] satisfies [string, Failure][])(
    "costs twelve tickets no attempt and few calls, and all are judged afterwards: %s",
    async (_, failure) => {
      const lab = vendorLab(({ atMs }) => (atMs < 3 * hours ? failure : "judged"));
      for (let i = 0; i < 12; i++) await lab.queue(`t${i}`, { tenant: i % 2 === 0 ? "one" : "two" });
      await lab.pass(3 * hours - 1);
      expect(lab.counted()).toEqual({ queued: 12 });
      expect(lab.names().map((name) => lab.ticket(name).progress.attempts)).toEqual(Array(12).fill(0));
      // Eight were under way when it was first heard of. Then one asks, at least every 15 minutes.
      expect(lab.calls.length).toBeLessThan(8 + 40);
      await lab.pass(16 * minutes);
      expect(lab.counted()).toEqual({ completed: 12 });
    },
  );
});

describe("a page in place of the vendor", () => {
  it.each([404, 200, 204, 302])(
    "with a %i for five seconds opens the breaker, and ends none of 700 tickets",
    async (status) => {
      const lab = vendorLab(({ atMs }) => (atMs < 5 * seconds ? page(status) : "judged"));
      for (let i = 0; i < 700; i++) expect(await lab.queue(`t${i}`)).toBe(true);
      await lab.pass(4 * seconds);
      expect((await lab.status()).state).toBe("open");
      const live = lab.live("live");
      await lab.pass(seconds);
      expect(live.end()?.submitted).toMatchObject({ ok: false, error: { kind: "gate", why: "breaker" } });
      await lab.pass(3 * minutes);
      expect(lab.counted()).toEqual({ completed: 700 });
      expect((await lab.status()).state).toBe("closed");
    },
  );

  it("in one call of five is noticed by no live call and no ticket", async () => {
    const lab = vendorLab(({ number }) => (number % 5 === 0 ? page(404) : "judged"));
    const live = [];
    for (let i = 0; i < 20; i++) {
      live.push(lab.live(`live ${i}`));
      await lab.queue(`t${i}`);
      await lab.pass(seconds);
    }
    await lab.pass(2 * minutes);
    expect(live.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
    expect(lab.counted()).toEqual({ completed: 20 });
  });
});

describe("what one tenant asks for", () => {
  const noSuchModel: Failure = { reason: "request_refused", status: 403, vendorSays: "no such model" };
  const refusedModel: Failure = { reason: "credentials_refused", status: 403, scope: "model" };
  const tooManyTokens: Failure = {
    reason: "request_refused",
    status: 429,
    vendorSays: "Request too large",
    unlessServed: { reason: "rate_limited", retryAfterMs: null },
  };

  it("and the account has not got fails, and keeps nobody back", async () => {
    const lab = vendorLab(({ model }) => (model === "bad" ? noSuchModel : "judged"));
    for (let i = 0; i < 5; i++) await lab.queue(`bad ${i}`, { tenant: "evil", model: "bad" });
    for (let i = 0; i < 8; i++) await lab.queue(`good ${i}`, { tenant: "good" });
    await lab.pass(seconds);
    expect(lab.counted()).toEqual({ failed: 5, completed: 8 });
    expect(await lab.status()).toMatchObject({ state: "closed", refused: null, held: [] });
  });

  it("and another company refuses waits until it is let in, and keeps nobody back", async () => {
    const lab = vendorLab(({ model, atMs }) => (model === "bad" && atMs < hours ? refusedModel : "judged"));
    for (let i = 0; i < 5; i++) await lab.queue(`bad ${i}`, { tenant: "evil", model: "bad" });
    for (let i = 0; i < 8; i++) await lab.queue(`good ${i}`, { tenant: "good" });
    await lab.pass(seconds);
    expect(lab.counted()).toEqual({ queued: 5, completed: 8 });
    await lab.pass(hours + 16 * minutes);
    expect(lab.counted()).toEqual({ completed: 13 });
    expect(lab.calls.filter(({ model }) => model === "bad").length).toBeLessThan(5 + 12 + 5);
  });

  it("and is more than a minute's limit fails, while others of that model are judged as before", async () => {
    const lab = vendorLab(({ name }) => (name.startsWith("large") ? tooManyTokens : "judged"));
    for (let i = 0; i < 30; i++) await lab.queue(`good ${i}`, { tenant: "good" });
    await lab.queue("large", { tenant: "evil" });
    const live = [];
    for (let i = 0; i < 60; i++) {
      live.push(lab.live(`live ${i}`, { tenant: "good" }));
      await lab.pass(seconds);
    }
    expect(lab.counted()).toEqual({ failed: 1, completed: 30 });
    expect(lab.ticket("large").state).toMatchObject({ failure: { reason: "request_refused" } });
    expect(live.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
  });

  it("and the vendor can't bear, live, is no other caller's fault: all of these are judged", async () => {
    const lab = vendorLab(({ name }) => (name.startsWith("bad") ? unavailable : "judged"));
    const good = [];
    for (let i = 0; i < 60; i++) {
      good.push(lab.live(`good ${i}`, { tenant: "good" }));
      lab.ask(`bad ${i}`, { tenant: "evil", essay: "the same essay" });
      await lab.pass(seconds);
      expect((await lab.status()).state).toBe("closed");
    }
    expect(good.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
  });
});
