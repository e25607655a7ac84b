/** Which failures are asked again, how often and when. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { scriptedJudge, type JudgeOptions } from "../support/scripted-judge.ts";

const down: Failure = { reason: "unavailable", status: 503, retryAfterMs: null };
const nothing = { timers: 0, watches: 0, listeners: 0 };
const wait = (retryAfterMs: number): Failure => ({ reason: "rate_limited", retryAfterMs });

const transient: readonly Failure[] = [
  { reason: "connection", code: "ECONNREFUSED" },
  down,
  { reason: "unavailable", status: 200, retryAfterMs: null },
  { reason: "rate_limited", retryAfterMs: null },
];
const final: readonly Failure[] = [
  { reason: "hung_up" },
  { reason: "credentials_refused", status: 401 },
  { reason: "quota_exhausted", status: 429 },
  { reason: "request_refused", status: 400, vendorSays: "no" },
  { reason: "content_refused", kind: "refusal" },
  { reason: "truncated" },
];

/** Runs one request to its end, however long that takes. */
async function run(options: JudgeOptions) {
  const judge = scriptedJudge(options);
  const submitted = judge.submit();
  await judge.clock.advance(120_000);
  return { ...judge, result: await submitted };
}

const failureOf = (result: Awaited<ReturnType<typeof run>>["result"]) =>
  result.ok || result.error.kind !== "failed" ? null : result.error.failure;

it.each(transient)("asks again after $reason, until there is a judgement", async (failure) => {
  const { result, calls, leftovers } = await run({ turns: [failure, failure] });
  expect(result).toMatchObject({ ok: true, value: { attempts: 3 } });
  expect(calls).toHaveLength(3);
  expect(leftovers()).toEqual(nothing);
});

it.each(final)("does not ask again after $reason", async (failure) => {
  const { result, calls, leftovers } = await run({ turns: [failure] });
  expect(failureOf(result)).toEqual(failure);
  expect(calls).toHaveLength(1);
  expect(leftovers()).toEqual(nothing);
});

it.each([0, 1, 2, 5])("makes at most %i more calls, and tells the last failure", async (maxRetries) => {
  const last: Failure = { reason: "connection", code: "LAST" };
  const turns = [...Array.from({ length: maxRetries }, () => down), last, down];
  const { result, calls, leftovers } = await run({ turns, policy: { maxRetries } });
  expect(calls).toHaveLength(maxRetries + 1);
  expect(result).toEqual({
    ok: false,
    error: { kind: "failed", failure: last, provider: "openai" },
  });
  expect(leftovers()).toEqual(nothing);
});

it("sends the identical request each time, but for the number of the call", async () => {
  const { calls } = await run({ turns: [down, down] });
  const requests = calls.map(({ request }) => request);
  expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  const [first, ...others] = requests.map((request) => JSON.stringify({ ...request, attempt: null }));
  expect(others).toEqual([first, first]);
});

describe("the wait before another call", () => {
  it.each([
    [0, [0, 0, 0, 0]],
    [0.5, [0, 250, 750, 1_750]],
    [0.999_999, [0, 499, 1_498, 3_497]],
  ])(
    "is full jitter on an exponential scale: with a random %d calls are made at %j ms",
    async (random, at) => {
      const { callTimesMs } = await run({
        turns: [down, down, down],
        random: () => random,
        policy: { maxRetries: 3 },
      });
      expect(callTimesMs()).toEqual(at);
    },
  );

  it("draws anew each time", async () => {
    const draws = [0.1, 0.9];
    const { callTimesMs } = await run({ turns: [down, down], random: () => draws.shift() ?? 0 });
    expect(callTimesMs()).toEqual([0, 50, 950]);
  });

  it("is the vendor's where that is longer, and always that of the latest answer", async () => {
    const { callTimesMs } = await run({
      turns: [wait(7_000), wait(2_000), down],
      policy: { maxRetries: 3 },
    });
    expect(callTimesMs()).toEqual([0, 7_000, 9_000, 10_000]);
  });

  it("is ours where the vendor asks for less", async () => {
    const { callTimesMs } = await run({ turns: [wait(100)] });
    expect(callTimesMs()).toEqual([0, 250]);
  });
});

describe("a Retry-After near the deadline", () => {
  const policy = { requestTimeoutMs: 10_000 };

  it("is waited for where it leaves time, by however little", async () => {
    const { result, callTimesMs } = await run({ turns: [wait(9_999)], policy });
    expect(result.ok).toBe(true);
    expect(callTimesMs()).toEqual([0, 9_999]);
  });

  it("is not waited for where it ends at the deadline: the failure and its hint come back at once", async () => {
    const judge = scriptedJudge({ turns: [wait(10_000)], policy });
    const submitted = judge.submit();
    await judge.clock.advance(0);
    expect(judge.leftovers()).toEqual(nothing);
    expect(failureOf(await submitted)).toEqual(wait(10_000));
    expect(judge.calls).toHaveLength(1);
  });

  it("is measured against what is left, not against the whole", async () => {
    const turns = [
      { afterMs: 6_000, says: wait(3_999) },
      { afterMs: 0, says: wait(1) },
    ];
    const fits = await run({ turns, policy, random: () => 0 });
    expect(fits.callTimesMs()).toEqual([0, 9_999]);
    const tooLate = await run({ turns: [{ afterMs: 6_000, says: wait(4_000) }], policy });
    expect(tooLate.callTimesMs()).toEqual([0]);
    expect(failureOf(tooLate.result)).toEqual(wait(4_000));
  });
});
