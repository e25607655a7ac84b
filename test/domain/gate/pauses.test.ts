import { expect, it } from "vitest";
import {
  callsWait,
  credentialsTurn,
  pauseModel,
  isPaused,
  livePauses,
  presentPauses,
  refuseCredentials,
  type CredentialsPause,
  type ModelPause,
} from "../../../src/domain/gate/pauses.ts";

const none: readonly ModelPause[] = [];
const limit = (model: string) => ({ model, why: "rate_limit" }) as const;
const by = (tenant: string) => ({ tenant, comparison: "c" });
const untilMs = (pauses: readonly ModelPause[], model: string, nowMs: number) =>
  callsWait(pauses, { tenant: "", model }, nowMs)?.untilMs ?? null;

it("holds a model until its time, and not a millisecond longer; other models are free", () => {
  const pauses = pauseModel(none, limit("a"), 5_000, null, 1_000);
  expect(callsWait(pauses, { tenant: "", model: "a" }, 5_999)).toEqual({ untilMs: 6_000, why: "rate_limit" });
  expect(callsWait(pauses, { tenant: "", model: "a" }, 6_000)).toBeNull();
  expect(callsWait(pauses, { tenant: "", model: "b" }, 1_000)).toBeNull();
});

it("makes a hold longer, never shorter", () => {
  const pauses = pauseModel(pauseModel(none, limit("a"), 5_000, null, 0), limit("a"), 1_000, null, 0);
  expect(untilMs(pauses, "a", 0)).toBe(5_000);
  expect(untilMs(pauseModel(pauses, limit("a"), 9_000, null, 0), "a", 0)).toBe(9_000);
  expect(pauses).toHaveLength(1);
});

it("holds for at most fifteen minutes", () => {
  expect(untilMs(pauseModel(none, limit("a"), 10 ** 12, null, 0), "a", 0)).toBe(900_000);
});

it("is not misled by a model whose name every object knows", () => {
  expect(callsWait(none, { tenant: "", model: "__proto__" }, 0)).toBeNull();
  expect(untilMs(pauseModel(none, limit("__proto__"), 5, null, 0), "__proto__", 4)).toBe(5);
});

it.each([
  ["rate_limit", true],
  ["faults", true],
  ["refused", false],
  ["no_judgements", false],
] as const)("a hold for %s stops live calls: %s; it always stops tickets", (why, stops) => {
  const pauses = pauseModel(none, { model: "a", why }, 5_000, null, 0);
  expect(callsWait(pauses, { tenant: "", model: "a" }, 0) !== null).toBe(stops);
  expect(livePauses(pauses, 0)).toHaveLength(stops ? 1 : 0);
  expect(pauses.map((pause) => isPaused(pause, 4_999))).toEqual([true]);
});

it("lets what is asked about stay held until an answer, and the rest end with its time", () => {
  const held = (why: ModelPause["why"]) =>
    pauseModel(none, { model: "a", ...(why && { why }) }, 5_000, null, 0).map((pause) =>
      isPaused(pause, 5_000),
    );
  expect([held("rate_limit"), held("faults"), held("refused"), held("no_judgements")]).toEqual([
    [false],
    [false],
    [true],
    [true],
  ]);
});

it("lets one tenant hold eight models, and not a ninth; another's are held", () => {
  const eight = Array.from({ length: 8 }, (_, i) => i).reduce(
    (pauses, i) => pauseModel(pauses, { model: `m${i}`, why: "refused" }, 1_000, by("evil"), 0),
    none,
  );
  expect(eight).toHaveLength(8);
  expect(pauseModel(eight, { model: "m8", why: "refused" }, 1_000, by("evil"), 0)).toBe(eight);
  expect(pauseModel(eight, { model: "m8", why: "refused" }, 1_000, by("good"), 0)).toHaveLength(9);
  expect(pauseModel(eight, { model: "m7", why: "refused" }, 1_000, by("evil"), 0)).toHaveLength(8);
});

it("keeps no more than sixteen; one that is over gives its place to one that begins", () => {
  const pause = (pauses: readonly ModelPause[], i: number) =>
    pauseModel(pauses, limit(`m${i}`), 1_000 + i, by(`tenant ${i}`), 0);
  const full = Array.from({ length: 20 }, (_, i) => i).reduce(pause, none);
  expect(full.map(({ model }) => model)).toEqual(Array.from({ length: 16 }, (_, i) => `m${i}`));
  const later = pauseModel(full, limit("new"), 1_000, by("another"), 1_001);
  expect(later).toHaveLength(16);
  expect(later.map(({ model }) => model)).not.toContain("m0");
  expect(untilMs(later, "new", 1_001)).toBe(2_001);
});

it("forgets a ramp that nobody has used for fifteen minutes, and one of older code with its time", () => {
  const [pause] = pauseModel(none, limit("a"), 1_000, null, 0);
  const old: ModelPause = { model: "b", untilMs: 1_000 };
  const left = (nowMs: number) =>
    presentPauses(pause === undefined ? [] : [pause, old], nowMs).map(({ model }) => model);
  expect(left(999)).toEqual(["a", "b"]);
  expect(left(1_000)).toEqual(["a"]);
  expect(left(900_999)).toEqual(["a"]);
  expect(left(901_000)).toEqual([]);
});

const asking: CredentialsPause = {
  why: "quota_exhausted",
  askFromMs: 10_000,
  asker: { permit: "p", endsAtMs: 90_000 },
  refusals: 0,
};

it("lets one ticket ask when the time is over, and another when the asker's lease is", () => {
  const pause = refuseCredentials(null, null, "quota_exhausted", 0, 10_000);
  expect(credentialsTurn(pause, 9_999)).toEqual({ kind: "wait", untilMs: 10_000 });
  expect(credentialsTurn(pause, 10_000)).toEqual({ kind: "one" });
  expect(credentialsTurn(asking, 89_999)).toEqual({ kind: "wait", untilMs: 90_000 });
  expect(credentialsTurn(asking, 90_000)).toEqual({ kind: "one" });
  expect(credentialsTurn(null, 0)).toEqual({ kind: "free" });
});

it.each([
  [0, 20_000],
  [1, 40_000],
  [5, 640_000],
  [6, 900_000],
  [40, 900_000],
])("asks again, after %i refusals of askers and one more, in %i ms", (refusals, waitMs) => {
  expect(refuseCredentials({ ...asking, refusals }, "p", "credentials_refused", 1_000, 10_000)).toEqual({
    why: "credentials_refused",
    askFromMs: 1_000 + waitMs,
    asker: null,
    refusals: refusals + 1,
  });
});

it.each([
  [undefined, 10_000],
  [1_000, 10_000],
  [60_000, 60_000],
  [25_200_000, 900_000],
])(
  "asks, where the vendor says %j ms until it is renewed, in %i ms: somebody may pay sooner",
  (forMs, waitMs) => {
    expect(refuseCredentials(null, null, "quota_exhausted", 0, 10_000, forMs).askFromMs).toBe(waitMs);
  },
);

it("is not made longer by live calls that are refused too, nor by an asker of before", () => {
  expect(refuseCredentials(asking, null, "credentials_refused", 1_000, 10_000)).toBe(asking);
  expect(refuseCredentials(asking, "earlier", "credentials_refused", 1_000, 10_000)).toBe(asking);
});
