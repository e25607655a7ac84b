/** Whom the provider refuses fails by a single call: both sides of each edge of what the judge says to that. */
import { describe, expect, it } from "vitest";
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import type { Answered, Call, History } from "./evidence.ts";
import {
  answer,
  broken,
  call,
  changed,
  counting,
  cutOff,
  died,
  expired,
  failed,
  good,
  history,
  judgedInTheEnd,
  kept,
  killMs,
  refusal,
  refused,
  refusedAnswer,
  requestRefused,
  retold,
  started,
  status,
  timedOut,
} from "./good-run.ts";

const cause = "No ticket failed or expired without cause";
const day = "No ticket failed by its provider's day";
const charged =
  "No ticket is charged with a fault of its provider's but while others are judged, a minute apart";
const final = "A refusal that was given is final, unless a kill came before it could be stored";
const notAfter = "Nobody is asked about a ticket that has ended";
const keptRule = "A judgement that was given is kept, unless a kill came before it could be stored";
const counted = "A ticket counts the calls made for it; only a kill hides one, or a connection that broke";
const oneAnswer = "One key has one answer";
const answered = "Every request has an answer that the contract allows, or a kill cut it off";

const unavailable = { kind: "returned", why: "attempt_failed", reason: "unavailable" } as const;
const probeFailed = { kind: "returned", why: "probe_failed", reason: "unavailable" } as const;

function failing(change: Partial<Call>): Call {
  return call({ isJudgement: false, ...change });
}

describe("a ticket that failed as refused", () => {
  const others = good.calls.filter(({ number }) => number !== refused);
  const after = (...calls: Partial<Call>[]) =>
    broken({ calls: [...others, ...calls.map((one) => failing({ number: refused, ...one }))] });

  it("was refused by its last call, which was not cut off", () => {
    expect(after({ receivedAtMs: 16_010, isRefusal: true })).toEqual([]);
    expect(after()).toEqual([cause, counted]);
    expect(after({ receivedAtMs: 16_010 })).toEqual([cause]);
    expect(after({ receivedAtMs: 16_010, isCut: true })).toEqual([cause]);
    expect(after({ receivedAtMs: 16_010 }, { receivedAtMs: 16_020, isRefusal: true })).toEqual([]);
    expect(after({ receivedAtMs: 16_010, isRefusal: true }, { receivedAtMs: 16_020 })).toEqual([cause]);
  });

  it("was refused while it was claimed for that", () => {
    const at = (receivedAtMs: number) => after({ receivedAtMs, isRefusal: true });
    expect([at(15_999), at(16_000), at(16_100)]).toEqual([[cause, final], [], []]);
    expect(at(16_101)).toEqual([cause, final]);
    const twice = history(
      refused,
      [12_000, started],
      [13_000, timedOut],
      [16_000, started],
      [16_100, requestRefused],
    );
    const once = refusal({ number: refused, receivedAtMs: 12_100, endedAtMs: 12_200 });
    expect(broken({ histories: retold(twice), calls: [...others, once] })).toEqual([cause]);
  });

  it("may have failed in another way before", () => {
    const twice = history(
      refused,
      [12_000, started],
      [12_100, unavailable],
      [16_000, started],
      [16_100, requestRefused],
    );
    const calls = [...good.calls, failing({ number: refused, receivedAtMs: 12_010, endedAtMs: 12_090 })];
    expect(broken({ histories: retold(twice), calls })).toEqual([]);
  });
});

it("finds a ticket that shows another cause than its history has", () => {
  const shown = (errorType: string) =>
    broken({
      ends: changed(failed, {
        ticket: status({ status: "failed", updatedAtMs: 80_700, retryCount: 2, errorType }),
      }),
    });
  expect(shown("SERVICE_UNAVAILABLE")).toEqual([]);
  expect(shown("INVALID_REQUEST")).toEqual([cause]);
  expect(shown("INTERNAL_ERROR")).toEqual([cause]);
  const told = changed(refused, {
    ticket: status({ status: "failed", retryCount: 2, errorType: "TIMEOUT" }),
  });
  const before = failing({ number: refused, receivedAtMs: 12_010 });
  expect(broken({ ends: told, calls: [...good.calls, before] })).toEqual([cause, counted]);
  const never = good.histories.filter(({ number }) => number !== refused);
  expect(broken({ histories: never })).toEqual([cause, final]);
});

it("finds a ticket that failed without cause, and of which no client knows", () => {
  const unknown = (reason: "timeout" | "request_refused") =>
    history(30, [16_000, started], [16_100, { kind: "failed", reason }]);
  const found = (told: History, ...calls: Call[]) =>
    broken({ histories: [...good.histories, told], calls: [...good.calls, ...calls] });
  const no = refusal({ number: 30, receivedAtMs: 16_010, endedAtMs: 16_090 });
  expect(found(unknown("request_refused"), no)).toEqual([]);
  expect(found(unknown("request_refused"))).toEqual([cause]);
  expect(found(unknown("timeout"), failing({ number: 30, receivedAtMs: 16_010 }))).toEqual([
    cause,
    day,
    charged,
  ]);
});

describe("a ticket that failed after its attempts", () => {
  const others = good.calls.filter(({ number }) => number !== failed);
  const first = failing({ number: failed, receivedAtMs: 20_560, endedAtMs: 20_590 });
  const second = failing({ number: failed, receivedAtMs: 80_610, endedAtMs: 80_690 });
  const told = (why: Happening) =>
    history(
      failed,
      [19_995, started],
      [20_600, why],
      [80_600, started],
      [80_700, { kind: "failed", reason: "unavailable" }],
    );
  const after = (calls: Call[], why: Happening = unavailable) =>
    broken({ calls: [...others, ...calls], histories: retold(told(why)) });

  it("had a call that failed for each of them", () => {
    expect(after([first, second])).toEqual([]);
    expect(after([second])).toEqual([cause, counted]);
    expect(after([{ ...first, isCut: true }, second])).toEqual([]);
    expect(after([first, first])).toEqual([cause]);
  });

  it("had them as its own, and none as a probe", () => {
    expect(after([{ ...first, receivedAtMs: 19_994 }, second])).toEqual([cause]);
    expect(after([{ ...first, receivedAtMs: 19_995 }, second])).toEqual([]);
    expect(after([first, second], probeFailed)).toEqual([cause, day, charged, counted]);
  });

  it("was neither refused nor judged by one of them", () => {
    expect(after([{ ...first, isRefusal: true }, second])).toEqual([cause, final]);
    expect(after([first, { ...second, isRefusal: true }])).toEqual([cause, final]);
    expect(after([{ ...first, isJudgement: true }, second])).toEqual([cause, keptRule]);
  });

  it("may have been judged too late, where its process stood still", () => {
    const stood = history(
      failed,
      [19_600, started],
      [20_600, timedOut],
      [80_600, started],
      [80_700, { kind: "failed", reason: "unavailable" }],
    );
    const late = call({ number: failed, receivedAtMs: 20_100, endedAtMs: 20_200 });
    expect(broken({ calls: [...others, late, second], histories: retold(stood) })).toEqual([]);
  });
});

describe("a ticket is refused, and asked about again", () => {
  const endedMs = killMs - 700;
  const first = refusal({ number: 4, receivedAtMs: killMs - 800, endedAtMs: endedMs });
  const lost = history(4, [killMs - 801, started], [killMs + 100, died], ...judgedInTheEnd);
  const found = (...histories: History[]) =>
    broken({ calls: [...good.calls, first], histories: retold(...histories) });
  const other = (startedAtMs: number, closedAtMs: number) =>
    history(5, [startedAtMs, started], [closedAtMs, timedOut], ...judgedInTheEnd);

  it("is excused by a kill that its claim died of, and that may hide the call", () => {
    expect(found(lost)).toEqual([]);
    expect(broken({ calls: [...good.calls, first], histories: retold(lost), kills: [] })).toContain(final);
  });

  it("is not excused without a claim, nor where the process has stored something else of it", () => {
    expect(found()).toEqual([final, counted]);
    const stored = history(4, [killMs - 801, started], [killMs - 100, unavailable], ...judgedInTheEnd);
    expect(found(stored)).toEqual([final, counted]);
  });

  it("is not excused where a call was begun after it, answered and stored, before the kill", () => {
    expect(found(lost, other(endedMs + 1, killMs - 1))).toEqual([final, counted]);
    expect(found(lost, other(endedMs, killMs - 1))).toEqual([]);
    expect(found(lost, other(endedMs + 1, killMs))).toEqual([]);
  });

  it("is excused by a standstill for the whole of the attempt's time", () => {
    const late = (closedAtMs: number, ...others: History[]) =>
      broken({
        calls: [...good.calls, refusal({ number: 4, receivedAtMs: 12_100, endedAtMs: 12_200 })],
        ends: counting(4, 2),
        histories: retold(
          history(4, [12_000, started], [closedAtMs, timedOut], ...judgedInTheEnd),
          ...others,
        ),
      });
    expect(late(12_999)).toEqual([final]);
    expect(late(13_000)).toEqual([]);
    expect(late(13_000, other(12_201, 12_999))).toEqual([final]);
    expect(late(13_000, other(12_201, 13_000))).toEqual([]);
  });

  it("is found once it has ended by it", () => {
    const again = (receivedAtMs: number) =>
      broken({ calls: [...good.calls, failing({ number: refused, receivedAtMs })] });
    expect(again(16_121)).toEqual([cause, notAfter]);
  });
});

describe("a ticket whose time was over when its refusal came to be stored", () => {
  const late = history(expired, [29_500, started], [30_000, { kind: "expired" }]);
  const no = refusal({ number: expired, receivedAtMs: 29_600, endedAtMs: 29_700 });
  const calls = [...good.calls, no];
  const beside = (...others: History[]) => broken({ calls, histories: retold(late, ...others) });
  const completed = { kind: "completed" } as const;
  const other = (startedAtMs: number, closedAtMs: number) =>
    history(5, [19_890, started], [19_990, timedOut], [startedAtMs, started], [closedAtMs, completed]);

  it("expires by it", () => {
    expect(beside()).toEqual([]);
    const returned = history(
      expired,
      [29_500, started],
      [29_800, unavailable],
      [30_000, { kind: "expired" }],
    );
    expect(broken({ calls, histories: retold(returned) })).toEqual([final]);
  });

  it("does not where a call was begun after that, answered and stored, before it expired", () => {
    expect(beside(other(29_701, 29_999))).toEqual([final]);
    expect(beside(other(29_700, 29_999))).toEqual([]);
    expect(beside(other(29_701, 30_000))).toEqual([]);
  });

  it("does not expire by a judgement", () => {
    const judged = call({ ...no, isJudgement: true, isRefusal: false });
    expect(broken({ calls: [...good.calls, judged], histories: retold(late) })).toEqual([keptRule]);
  });
});

describe("a live request whose call was refused", () => {
  /** Sent at 14,000 and answered at 14,200. */
  const told = refusedAnswer({ number: 40, fromMs: 14_000, toMs: 14_200 });
  const no = refusal({ number: 40, receivedAtMs: 14_010, endedAtMs: 14_090 });
  const asked = (change: Partial<Answered>, ...calls: Call[]) =>
    broken({ answers: [...good.answers, { ...told, ...change }], calls: [...good.calls, ...calls] });

  it("is told so, and nobody else is", () => {
    expect(asked({}, no)).toEqual([]);
    expect(asked({})).toEqual([answered]);
    expect(asked({}, failing({ number: 40, receivedAtMs: 14_010 }))).toEqual([answered]);
    expect(asked({}, { ...no, number: 41 })).toEqual([final, answered]);
    for (const receivedAtMs of [14_000, 14_200]) expect(asked({}, { ...no, receivedAtMs })).toEqual([]);
    for (const receivedAtMs of [13_999, 14_201])
      expect(asked({}, { ...no, receivedAtMs })).toEqual([final, answered]);
  });

  it("is told so by that status with that name", () => {
    expect(asked({ status: 400 }, no)).toEqual([final, answered]);
    expect(asked({ errorType: "IDEMPOTENCY_MISMATCH" }, no)).toEqual([final, answered]);
  });

  it("is told nothing else", () => {
    expect(asked({ status: 503, errorType: "SERVICE_UNAVAILABLE" }, no)).toEqual([final]);
    const judged = { status: 200, errorType: null, justification: "nonce-a-40- nonce-b-40- good" };
    expect(asked(judged, no, call({ number: 40, receivedAtMs: 14_110 }))).toEqual([final]);
  });

  it("may have failed in another way before, and is not made again", () => {
    const before = failing({ number: 40, receivedAtMs: 14_005 });
    expect(asked({}, before, no)).toEqual([]);
    expect(asked({}, no, { ...before, receivedAtMs: 14_011 })).toEqual([answered]);
    expect(asked({}, no, { ...before, receivedAtMs: 18_000 })).toEqual([answered]);
    // By then another request has its key.
    expect(asked({ key: "a key of its own" }, no, { ...before, receivedAtMs: 14_011 })).toEqual([]);
  });

  it("is not one that a ticket's call was refused for", () => {
    const answers = [...good.answers, refusedAnswer({ number: refused, fromMs: 15_999, toMs: 16_200 })];
    expect(broken({ answers })).toEqual([answered]);
  });

  it("may be cut off by a kill", () => {
    const cut = (fromMs: number) =>
      broken({
        broken: [cutOff({ fromMs })],
        calls: [...good.calls, refusal({ number: 12, receivedAtMs: killMs - 90, endedAtMs: killMs - 50 })],
      });
    expect(cut(killMs - 90)).toEqual([]);
    expect(cut(killMs - 89)).toEqual([final]);
  });
});

describe("a refusal under a key", () => {
  const refusedFirst = refusedAnswer({ number: 4, key: "a freed key", fromMs: 8_000, toMs: 8_200 });
  const no = refusal({ number: 4, receivedAtMs: 8_100, endedAtMs: 8_190 });
  const ledger = good.ledger.map((one) => (one.number === 4 ? kept({ ...one, key: "a freed key" }) : one));
  const then = (change: Partial<Answered>, ends = good.ends, ...calls: Call[]) =>
    broken({
      ledger,
      ends,
      answers: [...good.answers, { ...refusedFirst, ...change }],
      calls: [...good.calls, no, ...calls],
    });

  it("frees it: a ticket or a judgement may follow", () => {
    expect(then({})).toEqual([]);
    const judged = answer({ number: 4, key: "another", justification: "nonce-a-4- nonce-b-4- good" });
    const answers = [...good.answers, { ...refusedFirst, key: "another" }, judged];
    expect(broken({ answers, calls: [...good.calls, no] })).toEqual([]);
  });

  it("comes after neither", () => {
    const late = (fromMs: number) => {
      const times = { fromMs, toMs: fromMs + 200 };
      return broken({
        ledger,
        answers: [...good.answers, { ...refusedFirst, ...times }],
        calls: [...good.calls, { ...no, receivedAtMs: fromMs + 100 }],
      });
    };
    // The 202 came at 9,001.
    expect(late(9_001)).toEqual([]);
    expect(late(9_002)).toEqual([oneAnswer]);
    const judged = answer({
      number: 4,
      key: "another",
      toMs: 7_999,
      justification: "nonce-a-4- nonce-b-4- good",
    });
    const answers = [...good.answers, { ...refusedFirst, key: "another" }, judged];
    expect(broken({ answers, calls: [...good.calls, no] })).toEqual([oneAnswer]);
  });

  it("is no call of the ticket that follows, nor is what came before it", () => {
    const before = failing({ number: 4, receivedAtMs: 8_050 });
    expect(then({}, counting(4, 2))).toEqual([counted]);
    expect(then({}, good.ends, before)).toEqual([]);
    expect(then({}, good.ends, { ...before, receivedAtMs: 7_999 })).toEqual([counted]);
    expect(then({}, good.ends, { ...before, receivedAtMs: 8_101 })).toEqual([counted]);
    const ticket = status({ retryCount: 2 });
    expect(then({}, changed(4, { ticket }), before)).toEqual([counted]);
  });
});
