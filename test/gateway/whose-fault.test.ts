/** Whose fault it is, in default settings and virtual time: a ticket outlives any day of its provider, and is ended by its own faults alone. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { seeded, vendorLab, type LabCall } from "../support/vendor-lab.ts";

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const seeds = Array.from({ length: 20 }, (_, at) => at + 1);
/** For hours with hundreds of calls, each of which costs seconds. */
const fewSeeds = seeds.slice(0, 5);

const unavailable: Failure = { reason: "unavailable", status: 503, retryAfterMs: null };
const refusing: Failure = { reason: "connection", code: "ECONNREFUSED" };
const page: Failure = { reason: "unavailable", status: 404, retryAfterMs: null, fromBetween: true };
const noSuchModel: Failure = { reason: "request_refused", status: 404, vendorSays: "no such model" };

describe("one ticket alone", () => {
  it.each([
    ["503", unavailable],
    ["a refused connection", refusing],
    ["a proxy's page", page],
    ["a refused key", { reason: "credentials_refused", status: 401 } as const],
    ["spent credit", { reason: "quota_exhausted", status: 429 } as const],
    ["a 429 that names no time", { reason: "rate_limited", retryAfterMs: null } as const],
    ["a model that is refused", { reason: "credentials_refused", status: 403, scope: "model" } as const],
  ] satisfies [string, Failure][])("is judged after an outage of any length: %s", async (_, failure) => {
    for (const outageMs of [8 * seconds, 90 * seconds, 20 * minutes, 3.5 * hours]) {
      const lab = vendorLab(({ atMs }) => (atMs < outageMs ? failure : "judged"));
      await lab.queue("a");
      await lab.pass(outageMs + 16 * minutes);
      expect(lab.counted()).toEqual({ completed: 1 });
    }
  });

  it("is judged within half a minute of an outage of eight seconds", async () => {
    for (const seed of seeds) {
      const lab = vendorLab(({ atMs }) => (atMs < 8_000 ? unavailable : "judged"), seed);
      await lab.queue("a");
      await lab.pass(30 * seconds);
      expect(lab.counted()).toEqual({ completed: 1 });
    }
  });

  it("whose text makes the vendor hang costs at most 20 paid timeouts in four hours, and ends at its time", async () => {
    for (const seed of seeds) {
      const lab = vendorLab(() => "hangs", seed);
      await lab.queue("a");
      await lab.pass(4 * hours + 2 * minutes);
      expect(lab.calls.length).toBeLessThanOrEqual(20);
      expect(lab.counted()).toEqual({ expired: 1 });
    }
  });
});

describe("a model that is down for an hour, while another is answered", () => {
  it.each([1, 2, 8])(
    "loses none of its %i tickets, and the other model waits for nothing",
    async (tickets) => {
      for (const seed of fewSeeds) {
        const random = seeded(seed + 1_000);
        const isDown = ({ model, atMs }: LabCall) => model === "down" && atMs < hours;
        const lab = vendorLab((call) => (isDown(call) ? unavailable : "judged"), seed);
        const live = [lab.live("first", { model: "well", tenant: "other" })];
        await lab.pass(seconds);
        for (let i = 0; i < tickets; i++) await lab.queue(`down ${i}`, { model: "down" });
        // Each 50 to 500 ms for two minutes, and each eight seconds for the rest of the hour.
        for (let i = 0; lab.nowMs() < hours; i++) {
          live.push(lab.live(`live ${i}`, { model: "well", tenant: "other" }));
          await lab.pass(lab.nowMs() < 2 * minutes ? 50 + random() * 450 : 8 * seconds);
        }
        await lab.pass(10 * minutes);
        expect(lab.counted()).toEqual({ completed: tickets });
        expect(live.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
      }
    },
    120_000,
  );
});

describe("a vendor that answers at random", () => {
  it.each([33, 50, 60, 80])(
    "$0 % of the calls, loses none of 200 tickets",
    async (percent) => {
      for (const seed of fewSeeds) {
        const random = seeded(seed + 2_000);
        const lab = vendorLab(() => (random() * 100 < percent ? "judged" : unavailable), seed);
        for (let i = 0; i < 200; i++) await lab.queue(`t${i}`);
        await lab.pass(3.9 * hours);
        expect([lab.failed(), lab.counted()]).toEqual([[], { completed: 200 }]);
      }
    },
    120_000,
  );

  it("every third call, has 30 tickets judged within eight minutes", async () => {
    for (const seed of seeds) {
      const lab = vendorLab(({ number }) => (number % 3 === 0 ? "judged" : unavailable), seed);
      for (let i = 0; i < 30; i++) await lab.queue(`t${i}`);
      await lab.pass(8 * minutes);
      expect(lab.counted()).toEqual({ completed: 30 });
    }
  });
});

describe("a vendor that lets one call a second through, with a true Retry-After", () => {
  it("ends none of 40 tickets, and has judged all of them within three minutes", async () => {
    for (const seed of seeds) {
      let nextAtMs = 0;
      const lab = vendorLab(({ atMs }) => {
        if (atMs < nextAtMs) return { reason: "rate_limited", retryAfterMs: nextAtMs - atMs };
        nextAtMs = atMs + 1_000;
        return "judged";
      }, seed);
      for (let i = 0; i < 40; i++) await lab.queue(`t${i}`);
      await lab.pass(3 * minutes);
      expect(lab.counted()).toEqual({ completed: 40 });
      // Not run into again and again: the vendor was asked hardly more often than it answered.
      expect(lab.calls.length).toBeLessThan(120);
    }
  });
});

describe("names of models that the account has not got", () => {
  it("one a second during an outage, end no other ticket and keep none back", async () => {
    for (const seed of seeds) {
      const outageMs = 3 * minutes;
      const lab = vendorLab(({ model, atMs }) => {
        if (model.startsWith("bad")) return noSuchModel;
        return atMs < outageMs ? unavailable : "judged";
      }, seed);
      for (let i = 0; i < 20; i++) await lab.queue(`good ${i}`);
      for (let i = 0; lab.nowMs() < outageMs; i++) {
        lab.live(`bad ${i}`, { model: `bad-${i}`, tenant: "evil" });
        await lab.pass(seconds);
      }
      await lab.pass(4 * minutes);
      expect([lab.failed(), lab.counted()]).toEqual([[], { completed: 20 }]);
    }
  });
});

describe("a text that the vendor can't bear", () => {
  it("among others that are judged fails after its attempts, and no sooner than three minutes", async () => {
    for (const seed of seeds) {
      const lab = vendorLab(({ name }) => (name === "poison" ? unavailable : "judged"), seed);
      await lab.queue("poison");
      for (let i = 0; lab.nowMs() < 30 * minutes; i++) {
        lab.live(`good ${i}`, { tenant: "other" });
        await lab.pass(5 * seconds);
      }
      expect(lab.ticket("poison").state).toMatchObject({ status: "failed", failure: unavailable });
      expect(lab.endedMs()).toBeGreaterThanOrEqual(3 * minutes);
      expect(lab.ticket("poison").progress.attempts).toBe(4);
    }
  });

  it.each([true, false])(
    "in sixteen tickets of one tenant stops neither the other's tickets nor its calls (of one model: %s)",
    async (ofOneModel) => {
      for (const seed of seeds) {
        const lab = vendorLab(({ name }) => (name.startsWith("bad") ? unavailable : "judged"), seed);
        for (let i = 0; i < 16; i++) {
          await lab.queue(`bad ${i}`, { tenant: "evil", model: ofOneModel ? "m" : `m${i}` });
        }
        for (let i = 0; i < 8; i++) await lab.queue(`good ${i}`, { tenant: "good" });
        const live = [];
        for (let i = 0; i < 20; i++) {
          live.push(lab.live(`live ${i}`, { tenant: "good" }));
          await lab.pass(seconds);
        }
        await lab.pass(10 * seconds);
        for (let i = 0; i < 8; i++) expect(lab.ticket(`good ${i}`).state.status).toBe("completed");
        expect(live.map(({ end }) => end()?.submitted).filter((end) => end?.ok !== true)).toEqual([]);
      }
    },
  );
});

describe("an adapter that throws", () => {
  it("for every call ends no ticket, and leaves no permit behind", async () => {
    const lab = vendorLab(() => new Error("a bug of ours"));
    for (let i = 0; i < 12; i++) await lab.queue(`t${i}`);
    await lab.pass(hours);
    expect(lab.counted()).toEqual({ queued: 12 });
  });

  it("for one text ends that ticket at its third throw, when others came to a clean end meanwhile", async () => {
    const lab = vendorLab(({ name }) => (name === "poison" ? new Error("a bug of ours") : "judged"));
    await lab.queue("poison");
    for (let i = 0; lab.nowMs() < 10 * minutes; i++) {
      await lab.queue(`good ${i}`);
      await lab.pass(20 * seconds);
    }
    expect(lab.ticket("poison").state).toMatchObject({ status: "failed", failure: { reason: "crashed" } });
    expect(lab.callsOf("poison")).toHaveLength(3);
    expect(lab.failed()).toEqual(["poison"]);
  });

  it("gives back what it took: the next ticket goes at once, also where it was the probe", async () => {
    const lab = vendorLab(({ name, atMs }) => {
      if (name === "poison") return new Error("a bug of ours");
      return atMs < 8_000 ? unavailable : "judged";
    });
    await lab.queue("poison");
    for (let i = 0; i < 10; i++) await lab.queue(`t${i}`);
    await lab.pass(2 * minutes);
    expect(lab.counted()).toMatchObject({ completed: 10 });
  });
});

it("gives the probe of a live call back that throws: the next one has it at once", async () => {
  const lab = vendorLab(({ name }) => {
    if (name === "bug") return new Error("a bug of ours");
    return name.startsWith("down") ? unavailable : "judged";
  });
  for (let i = 0; i < 2; i++) lab.live(`down ${i}`);
  await lab.pass(15 * seconds);
  expect(await lab.status()).toMatchObject({ state: "half_open" });
  const bug = lab.live("bug");
  await lab.pass(0);
  expect(bug.end()).toMatchObject({ threw: true });
  const next = lab.live("next");
  await lab.pass(seconds);
  expect(next.end()?.submitted?.ok).toBe(true);
});

describe("answers without a judgement", () => {
  const unreadable: Failure = { reason: "unreadable", why: "no_verdict" };

  it("end a ticket at its second, a minute after the first, while others are judged", async () => {
    const lab = vendorLab(({ name }) => (name === "odd" ? unreadable : "judged"));
    await lab.queue("odd");
    for (let i = 0; lab.nowMs() < 5 * minutes; i++) {
      lab.live(`good ${i}`, { tenant: "other" });
      await lab.pass(10 * seconds);
    }
    expect(lab.ticket("odd").state).toMatchObject({ status: "failed", failure: unreadable });
    expect(lab.endedMs()).toBeGreaterThanOrEqual(minutes);
    // With the one more ask of each.
    expect(lab.callsOf("odd")).toHaveLength(4);
  });

  it("end it too where the model has given none for a day", async () => {
    const lab = vendorLab(() => unreadable);
    await lab.queue("odd");
    await lab.pass(5 * minutes);
    expect(lab.counted()).toEqual({ failed: 1 });
  });

  it("of a model that gave judgements today, pause the model: no ticket ends, and one asks", async () => {
    const lab = vendorLab(({ atMs }) => (atMs < minutes || atMs > 2 * hours ? "judged" : unreadable));
    lab.live("before", { tenant: "other" });
    await lab.pass(2 * minutes);
    for (let i = 0; i < 5; i++) await lab.queue(`t${i}`);
    await lab.pass(hours);
    expect(lab.counted()).toEqual({ queued: 5 });
    expect((await lab.status()).held).toMatchObject([{ model: "m", why: "no_judgements" }]);
    // A handful, not one for each ticket and minute.
    expect(lab.calls.length).toBeLessThan(60);
    await lab.pass(hours + 16 * minutes);
    expect(lab.counted()).toEqual({ completed: 5 });
  });
});
