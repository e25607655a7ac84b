/** What one tenant asks for that only a sentence of the vendor's refuses, in default settings and virtual time: its neighbours notice nothing. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { vendorLab } from "../support/vendor-lab.ts";

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** OpenAI's "Request too large for …", a 429. */
const tooLarge: Failure = {
  reason: "request_refused",
  status: 429,
  vendorSays: "Request too large",
  unlessServed: { reason: "rate_limited", retryAfterMs: null },
};
/** OpenRouter's "This request requires more credits, or fewer max_tokens", a 402. */
const tooDear: Failure = {
  reason: "request_refused",
  status: 402,
  vendorSays: "can only afford 9000",
  unlessServed: { reason: "quota_exhausted", status: 402 },
};

describe("requests that are larger than a minute's limit", () => {
  it.each([5, 60, 300])(
    "one each %i s, cost another tenant none of its live calls, though they came first",
    async (every) => {
      const lab = vendorLab(({ name }) => (name.startsWith("large") ? tooLarge : "judged"));
      const live = [];
      while (lab.nowMs() < hours) {
        await lab.queue(`large ${lab.nowMs()}`, { tenant: "evil" });
        await lab.pass((every * seconds) / 2);
        live.push(lab.live(`live ${lab.nowMs()}`, { tenant: "good" }));
        await lab.pass((every * seconds) / 2);
      }
      await lab.pass(1);
      expect(live.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
    },
  );

  it("fail once another was judged, and wait as long as nobody is", async () => {
    const lab = vendorLab(({ name }) => (name === "large" ? tooLarge : "judged"));
    await lab.queue("large");
    await lab.pass(20 * minutes);
    expect(lab.counted()).toEqual({ queued: 1 });
    // Less and less often.
    expect(lab.calls.length).toBeLessThan(8);
    lab.live("other", { tenant: "good" });
    await lab.pass(20 * minutes);
    expect(lab.counted()).toEqual({ failed: 1 });
  });
});

describe("requests that are dearer than what is left of the credit", () => {
  it.each(["m", "a model of its own"])(
    "one a second, keep no other tenant's tickets back (of %s)",
    async (model) => {
      const lab = vendorLab(({ name }) => {
        return name.startsWith("dear") ? tooDear : { afterMs: 3 * seconds, says: "judged" };
      });
      for (let i = 0; i < 100; i++) await lab.queue(`good ${i}`, { tenant: "good" });
      await lab.pass(3 * seconds + 1);
      for (let i = 0; i < 60; i++) {
        lab.live(`dear ${i}`, { tenant: "evil", model });
        await lab.pass(seconds);
      }
      expect(lab.counted()).toEqual({ completed: 100 });
    },
  );

  it("pause the account where nobody is answered: the credit may be gone", async () => {
    const lab = vendorLab(({ atMs }) => (atMs < hours ? tooDear : "judged"));
    for (let i = 0; i < 12; i++) await lab.queue(`t${i}`);
    await lab.pass(minutes);
    expect((await lab.status()).refused).toBe("quota_exhausted");
    await lab.pass(hours + 15 * minutes);
    expect(lab.counted()).toEqual({ completed: 12 });
    expect(lab.calls.length).toBeLessThan(8 + 12 + 12);
  });
});

describe("models that are refused to us, named by live calls alone", () => {
  const refused: Failure = { reason: "credentials_refused", status: 403, scope: "model" };
  const busy: Failure = { reason: "rate_limited", retryAfterMs: minutes };

  it("are forgotten when no ticket has asked for 15 minutes, and leave their places to others' pauses", async () => {
    const lab = vendorLab(({ model }) =>
      model === "busy" ? busy : model.startsWith("refused") ? refused : "judged",
    );
    for (let i = 0; i < 20; i++)
      lab.live(`a${i}`, { tenant: i % 2 === 0 ? "evil" : "worse", model: `refused-${i}` });
    await lab.pass(15 * minutes);
    expect((await lab.status()).held).toHaveLength(16);
    await lab.pass(minutes);
    expect((await lab.status()).held).toEqual([]);
    lab.live("b", { tenant: "good", model: "busy" });
    await lab.pass(seconds);
    expect((await lab.status()).held).toMatchObject([{ why: "rate_limit" }]);
  });

  it("last for as long as a ticket asks", async () => {
    const lab = vendorLab(() => refused);
    await lab.queue("a", { model: "refused" });
    await lab.pass(3 * hours);
    expect((await lab.status()).held).toHaveLength(1);
    expect(lab.counted()).toEqual({ queued: 1 });
  });
});
