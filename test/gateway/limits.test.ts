/** What ends a request early: its deadline, and a client that goes away. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { scriptedJudge } from "../support/scripted-judge.ts";
import { goodVerdict } from "../../tools/fake-upstream/signed.ts";

const down: Failure = { reason: "unavailable", status: 503, retryAfterMs: 4_000 };
const policy = { requestTimeoutMs: 10_000 };
const nothing = { timers: 0, watches: 0, listeners: 0 };
const failed = (failure: Failure) => ({
  ok: false,
  error: { kind: "failed", failure, provider: "openai" },
});

describe("the deadline", () => {
  it.each([
    [9_999, true],
    [10_001, false],
  ])("one call that takes %i of 10,000 ms: judged %s", async (afterMs, judged) => {
    const judge = scriptedJudge({ turns: [{ afterMs, says: goodVerdict }], policy });
    const submitted = judge.submit();
    await judge.clock.advance(20_000);
    expect(await submitted).toMatchObject(judged ? { ok: true } : failed({ reason: "timeout" }));
    expect(judge.leftovers()).toEqual(nothing);
  });

  it("aborts the call under way, at its time and not before", async () => {
    const judge = scriptedJudge({ turns: ["stall"], policy });
    const submitted = judge.submit();
    await judge.clock.advance(9_999);
    expect(judge.calls[0]?.signal.aborted).toBe(false);
    await judge.clock.advance(1);
    expect(judge.calls[0]?.signal.reason).toBe("timeout");
    expect(await submitted).toEqual(failed({ reason: "timeout" }));
    expect(judge.leftovers()).toEqual(nothing);
  });

  it.each([
    [3_999, true],
    [4_001, false],
  ])("is one for all calls and waits: 2,000 + 4,000 + %i ms, judged %s", async (afterMs, judged) => {
    const turns = [
      { afterMs: 2_000, says: down },
      { afterMs, says: goodVerdict },
    ];
    const judge = scriptedJudge({ turns, policy, random: () => 0 });
    const submitted = judge.submit();
    await judge.clock.advance(20_000);
    expect((await submitted).ok).toBe(judged);
    expect(judge.calls).toHaveLength(2);
    expect(judge.leftovers()).toEqual(nothing);
  });

  it("covers the one more ask", async () => {
    const turns = [{ afterMs: 6_000, says: "no json" }, "stall" as const];
    const judge = scriptedJudge({ turns, policy });
    const submitted = judge.submit();
    await judge.clock.advance(20_000);
    expect(await submitted).toEqual(failed({ reason: "timeout" }));
    expect(judge.calls.map(({ atMs }) => atMs)).toEqual([0, 6_000]);
  });

  it("covers the plan, which may ask the network: a call that could not start is not made", async () => {
    const judge = scriptedJudge({
      policy,
      plan: (_model, _parameters, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () =>
            resolve({ temperature: null, reasoningEffort: null, structure: "words", dropped: [] }),
          );
        }),
    });
    const submitted = judge.submit();
    await judge.clock.advance(10_000);
    expect(await submitted).toEqual(failed({ reason: "timeout" }));
    expect(judge.calls).toEqual([]);
    expect(judge.reports).toEqual([]);
    expect(judge.leftovers()).toEqual(nothing);
  });
});

describe("a client that hangs up", () => {
  it("during a call: the call is aborted and no other is made", async () => {
    const judge = scriptedJudge({ turns: ["stall"], policy });
    const submitted = judge.submit();
    await judge.clock.advance(1_000);
    expect(judge.calls[0]?.signal.aborted).toBe(false);
    judge.hangUp();
    expect(judge.calls[0]?.signal.reason).toBe("hung_up");
    expect(await submitted).toEqual(failed({ reason: "hung_up" }));
    await judge.clock.advance(60_000);
    expect(judge.calls).toHaveLength(1);
    expect(judge.leftovers()).toEqual(nothing);
  });

  it("during a wait: the wait ends at once and no call follows", async () => {
    const judge = scriptedJudge({ turns: [down], policy });
    const submitted = judge.submit();
    await judge.clock.advance(1_000);
    expect(judge.leftovers()).toEqual({ timers: 2, watches: 1, listeners: 1 });
    judge.hangUp();
    expect(await submitted).toEqual(failed({ reason: "hung_up" }));
    expect(judge.leftovers()).toEqual(nothing);
    await judge.clock.advance(60_000);
    expect(judge.calls).toHaveLength(1);
  });

  it.each(["no json", down])(
    "as the answer arrives that would be asked again (%j): it is not",
    async (turn) => {
      const judge = scriptedJudge({ turns: [turn], policy, afterCall: () => judge.hangUp() });
      const submitted = judge.submit();
      await judge.clock.advance(0);
      expect(judge.leftovers()).toEqual(nothing);
      expect((await submitted).ok).toBe(false);
      expect(judge.calls).toHaveLength(1);
    },
  );

  it("after the answer: nothing is watched any more", async () => {
    const judge = scriptedJudge();
    await judge.submit();
    expect(judge.leftovers()).toEqual(nothing);
    judge.hangUp();
    expect(judge.calls[0]?.signal.aborted).toBe(false);
  });
});

it("leaves no timer and no watch behind when something throws", async () => {
  const judge = scriptedJudge({
    plan: () => {
      throw new Error("a bug");
    },
  });
  await expect(judge.submit()).rejects.toThrow("a bug");
  expect(judge.leftovers()).toEqual(nothing);
});
