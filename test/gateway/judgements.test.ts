/** What one request asks, what it makes of the answers, and what it costs. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { judgeSystemPrompt } from "../../src/domain/judging/prompt.ts";
import { scriptedJudge, usage, type Turn } from "../support/scripted-judge.ts";
import { goodVerdict } from "../../tools/fake-upstream/signed.ts";

const down: Failure = { reason: "unavailable", status: 503, retryAfterMs: null };

async function judged(turns: readonly Turn[], price?: (call: number) => number | null) {
  const judge = scriptedJudge({ turns, ...(price && { price }), random: () => 0 });
  const submitted = judge.submit();
  await judge.clock.advance(30_000);
  return { ...judge, result: await submitted };
}

it("caches nothing: equal submissions make a call each, also side by side", async () => {
  const judge = scriptedJudge();
  await judge.submit();
  await Promise.all([judge.submit(), judge.submit()]);
  expect(judge.calls).toHaveLength(3);
});

it("fills what the caller leaves open with the operator's defaults", async () => {
  const judge = scriptedJudge();
  const result = await judge.submit();
  expect(judge.calls[0]?.request).toMatchObject({ model: "o", system: judgeSystemPrompt, maxTokens: 4096 });
  expect(result).toMatchObject({
    value: {
      comparison: {
        provider: "openai",
        model: "o",
        parameters: { temperature: null, maxTokens: 4096, reasoningEffort: null },
      },
    },
  });
});

it("takes what the caller sets", async () => {
  const judge = scriptedJudge();
  const changes = {
    model: "x",
    systemPrompt: "",
    temperature: 0,
    maxTokens: 7,
    reasoningEffort: "low",
  } as const;
  const result = await judge.submit(changes);
  expect(judge.calls[0]?.request).toMatchObject({ model: "x", system: "", maxTokens: 7 });
  expect(result).toMatchObject({
    value: { comparison: { parameters: { temperature: 0, maxTokens: 7, reasoningEffort: "low" } } },
  });
});

it("asks no other judge where the asked one is not usable, and says which are", async () => {
  const judge = scriptedJudge();
  expect(await judge.submit({ provider: "google" })).toEqual({
    ok: false,
    error: { kind: "not_usable", provider: "google", usable: ["openai"] },
  });
  expect(judge.calls).toEqual([]);
});

describe("the one more ask", () => {
  const unreadable = [
    "no json",
    "",
    '{"boundary":"%boundary%","winner":"tie","confidence":3,"justification":"x"}',
    "{}",
  ];

  it.each(unreadable)("is the identical request after %j, at once", async (text) => {
    const { result, calls } = await judged([text]);
    expect(result).toMatchObject({ ok: true, value: { attempts: 2 } });
    expect(calls.map(({ atMs }) => atMs)).toEqual([0, 0]);
    const [first, second] = calls.map(({ request }) => JSON.stringify({ ...request, attempt: null }));
    expect(second).toBe(first);
  });

  it("is made once: a second unreadable answer is the end, however many retries are left", async () => {
    const { result, calls } = await judged(["no json", "{}"]);
    expect(calls).toHaveLength(2);
    expect(result).toMatchObject({ error: { failure: { reason: "unreadable", why: "no_verdict" } } });
  });

  it("is no retry: all retries are left after it, and each has one of its own", async () => {
    const { result, calls } = await judged(["no json", down, "no json", down, "no json"]);
    expect(calls).toHaveLength(6);
    expect(result).toMatchObject({ ok: true, value: { attempts: 6 } });
    const spent = await judged(["no json", down, "no json", down, "no json", down]);
    expect(spent.calls).toHaveLength(6);
    expect(spent.result).toMatchObject({ error: { failure: down } });
  });

  it.each([
    { reason: "truncated" },
    { reason: "content_refused", kind: "refusal" },
  ] satisfies readonly Failure[])("is not made after $reason", async (failure) => {
    expect((await judged([failure])).calls).toHaveLength(1);
  });
});

describe("the cost", () => {
  it("is the sum of all calls whose usage is known", async () => {
    const prices = [0.25, 0.5];
    const { result } = await judged(["no json", down], () => prices.shift() ?? 0.125);
    expect(result).toMatchObject({ value: { costUsd: 0.75, attempts: 3, usage } });
  });

  it("is null where the price is unknown, also of one call among several", async () => {
    expect((await judged([], () => null)).result).toMatchObject({ value: { costUsd: null } });
    const mixed = await judged(["no json"], (call) => (call === 1 ? null : 1));
    expect(mixed.result).toMatchObject({ value: { costUsd: null, attempts: 2 } });
  });

  it("is null where no call told its usage, and leaves out those that did not", async () => {
    const silent = { afterMs: 0, says: goodVerdict, usage: null };
    const { result } = await judged([silent]);
    expect(result).toMatchObject({ value: { costUsd: null, usage: null } });
    const once = await judged(["no json", silent]);
    expect(once.result).toMatchObject({ value: { costUsd: 1, usage: null } });
  });
});

it("tells the listener of every call, with its own duration and what became of it", async () => {
  const { reports, result } = await judged([
    { afterMs: 300, says: "no json" },
    { afterMs: 200, says: down },
    { afterMs: 100, says: goodVerdict },
  ]);
  const rows = reports.map(({ attempt, durationMs, failure }) => [
    attempt,
    durationMs,
    failure?.reason ?? null,
  ]);
  expect(rows).toEqual([
    [1, 300, "unreadable"],
    [2, 200, "unavailable"],
    [3, 100, null],
  ]);
  expect(result).toMatchObject({ value: { durationMs: 100, model: "o-2026" } });
});
