/** What excuses a judgement that was given and is not kept, by the judge's own words: both sides of each edge. */
import { describe, expect, it } from "vitest";
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import type { History } from "./evidence.ts";
import {
  answer,
  broken,
  call,
  changed,
  counting,
  cutOff,
  died,
  expired,
  good,
  history,
  id,
  judgedInTheEnd,
  kept,
  killMs,
  none,
  retold,
  started,
  status,
  timedOut,
} from "./good-run.ts";

const keptRule = "A judgement that was given is kept, unless a kill came before it could be stored";
const counted = "A ticket counts the calls made for it; only a kill hides one, or a connection that broke";
const noClaimLost = "No claim was lost without a kill";

describe("a ticket is judged, and later judged again", () => {
  /** However long before the kill. */
  const endedMs = killMs - 700;
  const calls = [...good.calls, call({ number: 4, receivedAtMs: killMs - 800, endedAtMs: endedMs })];
  const lost = history(4, [killMs - 801, started], [killMs + 100, died], ...judgedInTheEnd);
  const found = (...histories: History[]) => broken({ calls, histories: retold(...histories) });
  /** What another ticket went through meanwhile. */
  const other = (startedAtMs: number, closedAtMs: number, closing: Happening) =>
    history(5, [startedAtMs, started], [closedAtMs, closing], ...judgedInTheEnd);

  it("is excused by a kill that its claim died of", () => {
    expect(found(lost)).toEqual([]);
  });

  it("is not excused without a claim, nor by a claim that the process settled", () => {
    expect(found()).toEqual([keptRule, counted]);
    for (const closedAtMs of [killMs - 100, killMs + 100]) {
      const settled = history(4, [killMs - 801, started], [closedAtMs, timedOut], ...judgedInTheEnd);
      expect(found(settled)).toEqual([keptRule, counted]);
    }
  });

  it("is not excused by a kill before the call or after the claim", () => {
    const histories = retold(history(4, [12_000, started], [12_500, died], ...judgedInTheEnd));
    const given = [...good.calls, call({ number: 4, receivedAtMs: 12_050, endedAtMs: 12_100 })];
    const killed = (atMs: number) =>
      broken({ calls: given, histories, kills: [...good.kills, { process: 0, atMs, untilMs: atMs + 50 }] });
    expect(killed(11_999)).toEqual([keptRule, counted]);
    expect(killed(12_001)).toEqual([]);
    expect(killed(12_500)).toEqual([]);
    expect(killed(12_501)).toEqual([noClaimLost, keptRule, counted]);
  });

  it("is not excused where a call was begun after it, answered and stored, before the kill", () => {
    expect(found(lost, other(endedMs + 1, killMs - 1, timedOut))).toEqual([keptRule, counted]);
    expect(found(lost, other(endedMs, killMs - 1, timedOut))).toEqual([]);
    expect(found(lost, other(endedMs + 1, killMs, timedOut))).toEqual([]);
    expect(found(lost, other(endedMs + 1, killMs - 1, died))).toEqual([noClaimLost]);
  });

  it("may be excused, whatever the ticket came to after the kill", () => {
    const givenUp = history(4, [killMs - 801, started], [killMs + 100, died], [50_000, { kind: "expired" }]);
    const ticket = status({ status: "expired", updatedAtMs: 99_000 });
    const ends = changed(4, { ticket, result: none(410) });
    const once = calls.filter(({ number, receivedAtMs }) => number !== 4 || receivedAtMs < killMs);
    expect(broken({ ends, calls: once, histories: retold(givenUp) })).toEqual([]);
  });
});

it("finds a judgement that was thrown away: the only one, of a ticket that expired", () => {
  const histories = retold(
    history(expired, [29_000, started], [29_500, timedOut], [30_000, { kind: "expired" }]),
  );
  const given = call({ number: expired, receivedAtMs: 29_100, endedAtMs: 29_200 });
  expect(broken({ calls: [...good.calls, given], histories })).toEqual([keptRule]);
});

describe("an attempt timed out though the answer had come", () => {
  const calls = [...good.calls, call({ number: 4, receivedAtMs: 12_100, endedAtMs: 12_200 })];
  const late = (closedAtMs: number, ...others: History[]) =>
    broken({
      calls,
      ends: counting(4, 2),
      histories: retold(history(4, [12_000, started], [closedAtMs, timedOut], ...judgedInTheEnd), ...others),
    });

  it("is excused when its whole time was over, and counts as a call", () => {
    expect(late(12_999)).toEqual([keptRule]);
    expect(late(13_000)).toEqual([]);
    const histories = retold(history(4, [12_000, started], [13_000, timedOut], ...judgedInTheEnd));
    expect(broken({ calls, histories })).toEqual([counted]);
  });

  it("is not excused where it ended in another way", () => {
    const unavailable = { kind: "returned", why: "attempt_failed", reason: "unavailable" } as const;
    const histories = retold(history(4, [12_000, started], [13_000, unavailable], ...judgedInTheEnd));
    expect(broken({ calls, ends: counting(4, 2), histories })).toEqual([keptRule]);
  });

  it("is not excused where the process was not standing still", () => {
    const meanwhile = (startedAtMs: number, closedAtMs: number) =>
      history(5, [startedAtMs, started], [closedAtMs, timedOut], ...judgedInTheEnd);
    expect(late(13_000, meanwhile(12_201, 12_999))).toEqual([keptRule]);
    expect(late(13_000, meanwhile(12_200, 12_999))).toEqual([]);
    expect(late(13_000, meanwhile(12_201, 13_000))).toEqual([]);
  });
});

it("finds a live judgement that was not the one that was answered", () => {
  const given = call({ number: 11, receivedAtMs: 12_000, endedAtMs: 12_100 });
  expect(broken({ calls: [...good.calls, given] })).toEqual([]);
  expect(broken({ calls: [...good.calls, given, given] })).toEqual([keptRule]);
  expect(broken({ calls: [...good.calls, given], answers: [] })).toEqual([keptRule]);
});

describe("a live request that became a ticket", () => {
  /** It was sent at 8,000 and accepted at 9,000. */
  const live = call({ number: 4, receivedAtMs: 8_010, endedAtMs: 8_100 });
  const sent = (fromMs: number, ...others: History[]) =>
    broken({
      histories: retold(...others),
      calls: [...good.calls, live],
      ends: counting(4, 2),
      ledger: [
        ...good.ledger.filter(({ number }) => number !== 4),
        kept({ number: 4, queueId: id(4), fromMs }),
      ],
    });

  it("has lost its judgement with excuse only when its whole time was over", () => {
    expect(sent(8_000)).toEqual([]);
    expect(sent(8_001)).toEqual([keptRule]);
  });

  it("counts from the request that was under way when it was accepted, though that was told of no ticket", () => {
    const later = (fromMs: number) =>
      broken({
        calls: [...good.calls, live],
        ends: counting(4, 2),
        answers: [...good.answers, answer({ number: 4, key: "k", status: 503, fromMs, toMs: 9_500 })],
        ledger: [
          ...good.ledger.filter(({ number }) => number !== 4),
          kept({ number: 4, key: "k", queueId: id(4), fromMs: 30_000, toMs: 30_100 }),
        ],
      });
    expect(later(8_000)).toEqual([]);
    expect(later(8_001)).toEqual([keptRule]);
  });

  it("has none where the process was not standing still", () => {
    const meanwhile = history(5, [8_101, started], [8_999, timedOut], ...judgedInTheEnd);
    expect(sent(8_000, meanwhile)).toEqual([keptRule]);
  });
});

describe("a request that a kill cut off", () => {
  const calls = [...good.calls, call({ number: 12, receivedAtMs: killMs - 900, endedAtMs: killMs - 700 })];
  const request = cutOff({ fromMs: killMs - 901 });

  it("may lose the judgement that was given for it", () => {
    expect(broken({ calls, broken: [] })).toEqual([keptRule]);
    expect(broken({ calls, broken: [request] })).toEqual([]);
    expect(broken({ calls, broken: [cutOff({ fromMs: killMs - 899 })] })).toEqual([keptRule]);
  });

  it("may not, where a call was begun after it, answered and stored, before the kill", () => {
    const other = history(5, [killMs - 699, started], [killMs - 1, timedOut], ...judgedInTheEnd);
    expect(broken({ calls, broken: [request], histories: retold(other) })).toEqual([keptRule]);
  });
});
