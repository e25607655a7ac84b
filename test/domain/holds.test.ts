import { expect, it } from "vitest";
import {
  credentialsTurn,
  heldUntilMs,
  holdModel,
  liveHolds,
  refuseCredentials,
  type CredentialsHold,
} from "../../src/domain/holds.ts";

it("holds a model until its time, and not a millisecond longer; other models are free", () => {
  const holds = holdModel([], "a", 5_000, 1_000);
  expect(heldUntilMs(holds, "a", 5_999)).toBe(6_000);
  expect(heldUntilMs(holds, "a", 6_000)).toBeNull();
  expect(heldUntilMs(holds, "b", 1_000)).toBeNull();
});

it("makes a hold longer, never shorter", () => {
  const holds = holdModel(holdModel([], "a", 5_000, 0), "a", 1_000, 0);
  expect(heldUntilMs(holds, "a", 0)).toBe(5_000);
  expect(heldUntilMs(holdModel(holds, "a", 9_000, 0), "a", 0)).toBe(9_000);
  expect(holds).toHaveLength(1);
});

it("holds for at most fifteen minutes", () => {
  expect(heldUntilMs(holdModel([], "a", 10 ** 12, 0), "a", 0)).toBe(900_000);
});

it("is not misled by a model whose name every object knows", () => {
  expect(heldUntilMs([], "__proto__", 0)).toBeNull();
  expect(heldUntilMs(holdModel([], "__proto__", 5, 0), "__proto__", 4)).toBe(5);
});

it("drops holds that are over, and keeps the longest 64", () => {
  const many = Array.from({ length: 70 }, (_, i) => i).reduce(
    (holds, i) => holdModel(holds, `m${i}`, 1_000 + i, 0),
    liveHolds([], 0),
  );
  expect(many).toHaveLength(64);
  expect(heldUntilMs(many, "m5", 0)).toBeNull();
  expect(heldUntilMs(many, "m6", 0)).toBe(1_006);
  expect(holdModel(many, "new", 1_000, 1_069)).toEqual([{ model: "new", untilMs: 2_069 }]);
});

const asking: CredentialsHold = {
  why: "quota_exhausted",
  askFromMs: 10_000,
  asker: { permit: "p", endsAtMs: 90_000 },
  refusals: 0,
};

it("lets one ticket ask when the time is over, and another when the asker's lease is", () => {
  const hold = refuseCredentials(null, null, "quota_exhausted", 0, 10_000);
  expect(credentialsTurn(hold, 9_999)).toEqual({ kind: "wait", untilMs: 10_000 });
  expect(credentialsTurn(hold, 10_000)).toEqual({ kind: "one" });
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

it("is not made longer by live calls that are refused too, nor by an asker of before", () => {
  expect(refuseCredentials(asking, null, "credentials_refused", 1_000, 10_000)).toBe(asking);
  expect(refuseCredentials(asking, "earlier", "credentials_refused", 1_000, 10_000)).toBe(asking);
});
