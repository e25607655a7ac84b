/** The judge can see: each planted violation is found, by the rule that is meant for it and by no other. */
import { describe, expect, it } from "vitest";
import type { Call, End, History, TicketStatus } from "./evidence.ts";
import {
  answer,
  broken,
  call,
  changed,
  completed,
  counting,
  cutOff,
  died,
  end,
  expired,
  failed,
  good,
  history,
  id,
  judgedInTheEnd,
  kept,
  kill,
  killMs,
  none,
  refused,
  requestRefused,
  retold,
  started,
  status,
  terms,
  timedOut,
} from "./good-run.ts";
import { judge } from "./judge.ts";
import type { Ruling } from "./rules.ts";
import { killsInMidCall } from "./run-rules.ts";
import type { CpuSpan } from "./starvation.ts";

const endedAndReadable = "Every ticket that a client knows of has ended and can be read";
const known = "No ticket was unknown for a moment";
const oneEnd = "No ticket has two ends";
const own = "Every judgement belongs to the comparison that was asked";
const cause = "No ticket failed or expired without cause";
const day = "No ticket failed by its provider's day";
const charged =
  "No ticket is charged with a fault of its provider's but while others are judged, a minute apart";
const noThrow = "No call throws";
const sameTime = "Later settings leave a ticket's time as its 202 said";
const whole = "Every ticket that is stored has a history without gaps, and one end, its last";
const noClaimLost = "No claim was lost without a kill";
const keptRule = "A judgement that was given is kept, unless a kill came before it could be stored";
const final = "A refusal that was given is final, unless a kill came before it could be stored";
const notAfter = "Nobody is asked about a ticket that has ended";
const inTime = "No call is begun for a ticket whose time is over";
const counted = "A ticket counts the calls made for it; only a kill hides one, or a connection that broke";
const oneAnswer = "One key has one answer";
const answered = "Every request has an answer that the contract allows, or a kill cut it off";
const fewLost = "Kills cost few judgements: at most one in 10";
const erased = "The texts of ended tickets are in no data file";
const undamaged = "The databases are whole";
const tickets = "The run was worth it: at least 10 tickets per cycle";
const kills = "The run was worth it: at least a quarter of the kills came while a call was upstream";
const allEnds =
  "The run was worth it: tickets have completed and expired, and failed if it was not too short for that";
const pages = "The run was worth it: a page came in place of the provider, if it was not too short for that";

it("finds nothing in a good run", () => {
  expect(broken({})).toEqual([]);
});

it("has a planted violation for every rule", () => {
  const rules = judge(good, terms).map(({ rule }) => rule);
  expect(rules).toEqual([
    endedAndReadable,
    known,
    oneEnd,
    sameTime,
    whole,
    cause,
    day,
    charged,
    noThrow,
    noClaimLost,
    notAfter,
    inTime,
    own,
    keptRule,
    fewLost,
    final,
    counted,
    oneAnswer,
    answered,
    erased,
    undamaged,
    tickets,
    kills,
    allEnds,
    pages,
  ]);
});

it("finds a lost ticket: 404 in the end", () => {
  expect(broken({ ends: changed(4, { httpStatus: 404, ticket: null }) })).toEqual([endedAndReadable]);
});

it("finds a ticket that nobody looked at in the end", () => {
  expect(broken({ ends: good.ends.slice(1) })).toEqual([endedAndReadable]);
});

it("finds a ticket that never ended", () => {
  expect(broken({ ends: changed(4, { ticket: status({ status: "processing" }) }) })).toEqual([
    endedAndReadable,
  ]);
});

it("finds a completed ticket without its result", () => {
  const result = { ...end(4, {}).result, httpStatus: 404 };
  expect(broken({ ends: changed(4, { result }) })).toEqual([endedAndReadable]);
});

it("finds a ticket that was unknown for a moment, and forgives a store that was away", () => {
  const unknown = { queueId: id(4), httpStatus: 404, ticket: null };
  expect(broken({ looks: [unknown] })).toEqual([known]);
  expect(broken({ looks: [{ ...unknown, httpStatus: 503 }] })).toEqual([]);
});

it("finds two ends: another one, and the same one at another time", () => {
  const seen = { queueId: id(3), httpStatus: 200 };
  expect(broken({ looks: [{ ...seen, ticket: status({ status: "failed" }) }] })).toEqual([oneEnd]);
  expect(broken({ looks: [{ ...seen, ticket: status({ updatedAtMs: 20_001 }) }] })).toEqual([oneEnd]);
});

it("finds another comparison's judgement, in a ticket and in a 200", () => {
  const swapped = { ...end(4, {}).result, justification: end(5, {}).result.justification };
  expect(broken({ ends: changed(4, { result: swapped }) })).toEqual([own]);
  expect(broken({ answers: [answer({ justification: "nonce-a-11- nonce-b-12- both" })] })).toEqual([own]);
});

it("finds another caller's metadata", () => {
  expect(broken({ ends: changed(4, { result: { ...end(4, {}).result, number: 5 } }) })).toEqual([own]);
});

it("finds a ticket that expired before its time", () => {
  const early = status({ status: "expired", updatedAtMs: 29_999, expiresAtMs: 30_000 });
  const onTime = { ...early, updatedAtMs: 30_000 };
  expect(broken({ ends: changed(expired, { ticket: early, result: none(410) }) })).toEqual([cause]);
  expect(broken({ ends: changed(expired, { ticket: onTime, result: none(410) }) })).toEqual([]);
});

it("finds a ticket that failed before its attempts were spent", () => {
  const ticket = status({ status: "failed", updatedAtMs: 80_700, retryCount: 1, errorType: "TIMEOUT" });
  expect(broken({ ends: changed(failed, { ticket }) })).toEqual([cause]);
});

it("finds a ticket that was given up after fewer than three kills", () => {
  const ticket = status({ status: "failed", errorType: "INTERNAL_ERROR" });
  const ends = changed(4, { ticket, result: none(502) });
  const later = [20_500, 21_500, 22_500].map(kill);
  const crashed = { kind: "failed", reason: "crashed" } as const;
  const twice = [
    [20_400, started],
    [20_600, died],
    [21_400, started],
  ] as const;
  const thrice = [...twice, [21_600, died], [22_400, started]] as const;
  const given = (told: typeof twice | typeof thrice, atMs: number, andThen = later) =>
    broken({
      ends,
      calls: good.calls.filter(({ number }) => number !== 4),
      histories: retold(history(4, ...told, [atMs, crashed])),
      kills: [kill(killMs), ...andThen],
    });
  expect(given(twice, 21_600)).toEqual([cause]);
  expect(given(thrice, 22_600)).toEqual([]);
  expect(given(thrice, 22_600, later.slice(0, 2))).toEqual([cause, noClaimLost]);
});

it("finds a ticket that expires at another time than its 202 said", () => {
  const ticket = status({ expiresAtMs: 98_999 });
  expect(broken({ ends: changed(4, { ticket }) })).toEqual([sameTime]);
});

it("finds a history with a gap, with two ends, with none, and with something after its end", () => {
  const usual = history(4, ...judgedInTheEnd);
  const gap = usual.events.map((event) => ({ ...event, number: event.number === 3 ? 4 : event.number }));
  const told = (...histories: History[]) => broken({ histories: retold(...histories) });
  expect(told({ ...usual, events: gap })).toEqual([whole]);
  expect(told(history(4, ...judgedInTheEnd, [20_001, completed]))).toEqual([whole]);
  expect(
    told(history(4, ...judgedInTheEnd, [20_001, { kind: "returned", why: "refused", reason: null }])),
  ).toEqual([whole]);
  expect(told(history(expired))).toEqual([whole]);
  expect(told({ ...history(expired), events: [] })).toEqual([whole]);
});

it("finds a ticket of which no client knows and that never ended", () => {
  expect(broken({ histories: [...good.histories, history(30)] })).toEqual([whole]);
});

it("finds a call that threw", () => {
  const threw = { kind: "returned", why: "threw", reason: null } as const;
  const histories = retold(history(4, [12_000, started], [12_500, threw], ...judgedInTheEnd));
  expect(broken({ histories })).toEqual([noThrow]);
});

it("finds a claim that was lost without a kill", () => {
  const lost = (killedAtMs: number) =>
    broken({
      histories: retold(history(4, [12_000, started], [12_500, died], ...judgedInTheEnd)),
      kills: [kill(killMs), kill(killedAtMs)],
    });
  expect(lost(11_900)).toEqual([noClaimLost]);
  expect(lost(11_901)).toEqual([]);
  expect(lost(12_500)).toEqual([]);
  expect(lost(12_501)).toEqual([noClaimLost]);
});

it("lets an attempt that failed after the ticket's time end with the ticket", () => {
  const late = history(expired, [29_000, started], [30_000, { kind: "expired" }]);
  expect(broken({ histories: retold(late) })).toEqual([]);
});

it("finds a call that was begun for a ticket whose time was over", () => {
  const begun = (atMs: number) =>
    broken({
      histories: retold(history(expired, [atMs, started], [atMs, timedOut], [30_000, { kind: "expired" }])),
    });
  expect(begun(29_999)).toEqual([]);
  expect(begun(30_000)).toEqual([inTime]);
});

it("finds a call for a ticket that had ended", () => {
  const late = call({ number: 4, receivedAtMs: 20_021, endedAtMs: 20_050, isJudgement: false });
  const result = { ...end(4, {}).result, attempts: 2 };
  expect(broken({ calls: [...good.calls, late], ends: changed(4, { result }) })).toEqual([notAfter]);
  const onTime = { ...late, receivedAtMs: 20_020 };
  expect(broken({ calls: [...good.calls, onTime], ends: changed(4, { result }) })).toEqual([]);
});

it("finds a ticket that counts more calls than were made, or fewer without a kill", () => {
  expect(broken({ ends: counting(4, 2) })).toEqual([counted]);
  expect(broken({ ends: counting(4, 0) })).toEqual([counted]);
});

it("lets the call that the kill cut off be counted or not", () => {
  expect(broken({ ends: counting(1, 1) })).toEqual([]);
  expect(broken({ ends: counting(1, 2) })).toEqual([]);
  expect(broken({ ends: counting(1, 3) })).toEqual([counted]);
});

it("lets a call be hidden that was on its way at the kill, but none after the next start", () => {
  const cut = call({ number: 4, endedAtMs: killMs + 101, isJudgement: false, isCut: true });
  const histories = retold(history(4, [killMs - 10, started], [killMs + 150, died], ...judgedInTheEnd));
  const before = { ...cut, receivedAtMs: killMs + 99 };
  const after = { ...cut, receivedAtMs: killMs + 100 };
  expect(broken({ histories, calls: [...good.calls, before] })).toEqual([]);
  expect(broken({ histories, calls: [...good.calls, after] })).toEqual([counted]);
});

it("finds failed attempts that were never made", () => {
  expect(broken({ ends: changed(4, { ticket: status({ retryCount: 2 }) }) })).toEqual([counted]);
});

it("finds failed attempts that its history does not tell, but one where it expired by a claim", () => {
  const shown = (told: History, number: number, ticket: TicketStatus) =>
    broken({
      ends: changed(number, { ticket }),
      calls: [...good.calls, call({ number, receivedAtMs: 12_100, endedAtMs: 12_200, isJudgement: false })],
      histories: retold(told),
    });
  const once = history(expired, [12_000, started], [12_500, timedOut], [30_000, { kind: "expired" }]);
  const byClaim = history(expired, [12_000, started], [30_000, { kind: "expired" }]);
  const without = history(expired, [30_000, { kind: "expired" }]);
  const ticket = status({ status: "expired", updatedAtMs: 30_000, expiresAtMs: 30_000, retryCount: 1 });
  expect(shown(once, expired, ticket)).toEqual([]);
  expect(shown(byClaim, expired, ticket)).toEqual([]);
  expect(shown(without, expired, ticket)).toEqual([counted]);
  const asProbe = history(refused, [16_000, { ...started, asProbe: true }], [16_100, requestRefused]);
  const end = { status: "failed", updatedAtMs: 16_100, errorType: "INVALID_REQUEST" };
  expect(shown({ ...asProbe, attempts: 0 }, refused, status({ ...end, retryCount: 0 }))).toEqual([]);
  expect(shown({ ...asProbe, attempts: 0 }, refused, status({ ...end, retryCount: 1 }))).toEqual([counted]);
});

it("finds two answers under one key: two tickets, a ticket and a judgement, two judgements", () => {
  const judged = answer({ number: 2, key: "a key", justification: "nonce-a-2- nonce-b-2- good" });
  const again = kept({ number: 2, key: "a key", queueId: id(3) });
  expect(broken({ ledger: [...good.ledger, again] })).toContain(oneAnswer);
  expect(broken({ answers: [judged] })).toEqual([oneAnswer]);
  const other = { ...judged, key: "other" };
  expect(broken({ answers: [other, other] })).toEqual([]);
  expect(broken({ answers: [other, { ...other, body: "another" }] })).toEqual([oneAnswer]);
});

it("takes the same ticket under one key for one answer", () => {
  const [, second] = good.ledger;
  expect(broken({ ledger: second ? [...good.ledger, second] : [] })).toEqual([]);
});

it("finds a key that was never free again", () => {
  expect(broken({ unansweredKeys: ["a key"] })).toEqual([oneAnswer]);
});

it.each([500, 502, 404, 422, 400])("finds an answer with %s", (code) => {
  expect(broken({ answers: [answer({ status: code, justification: null })] })).toEqual([answered]);
});

it("allows 503, and 409 to a request with a key", () => {
  expect(broken({ answers: [answer({ status: 503, justification: null })] })).toEqual([]);
  expect(broken({ answers: [answer({ status: 409, key: "a key", justification: null })] })).toEqual([]);
  expect(broken({ answers: [answer({ status: 409, key: null, justification: null })] })).toEqual([answered]);
});

it("finds a connection that broke without a kill", () => {
  const found = (fromMs: number, toMs: number) => broken({ broken: [cutOff({ fromMs, toMs })] });
  expect(found(killMs - 5, killMs - 1)).toEqual([answered]);
  expect(found(killMs - 5, killMs)).toEqual([]);
  // While the process is down.
  expect(found(killMs + 99, killMs + 105)).toEqual([]);
  expect(found(killMs + 100, killMs + 105)).toEqual([answered]);
});

it("finds a run in which kills cost too many judgements", () => {
  const cut = cutOff({ number: 30, fromMs: killMs - 99 });
  const given = (number: number) => call({ number, receivedAtMs: killMs - 90, endedAtMs: killMs - 5 });
  const lost = (...calls: Call[]) =>
    broken({ calls: [...good.calls, ...calls], broken: [cut, { ...cut, number: 31 }] });
  expect(lost(given(30))).toEqual([]);
  expect(lost(given(30), given(31))).toEqual([fewLost]);
});

describe("a service that lost more judgements to kills than it may", () => {
  /** Three of 13, the answers 95 ms before the kill. */
  const lostMs = killMs - 95;
  const numbers = [30, 31, 32];
  const rulings = (cpu: readonly CpuSpan[], endedAtMs = lostMs) =>
    judge(
      {
        ...good,
        calls: [
          ...good.calls,
          ...numbers.map((number) => call({ number, receivedAtMs: killMs - 190, endedAtMs })),
        ],
        broken: numbers.map((number) => cutOff({ number, fromMs: killMs - 199 })),
        cpu,
      },
      terms,
    );
  const span = (fromMs: number, toMs: number, waitedMs: number): CpuSpan => ({
    process: 0,
    pid: 1,
    fromMs,
    toMs,
    ranMs: toMs - fromMs - waitedMs,
    waitedMs,
  });
  const failed = (of: readonly Ruling[]) =>
    of.filter(({ violations }) => violations.length > 0).map(({ rule }) => rule);
  const starved = (of: readonly Ruling[]) => of.flatMap((one) => one.starved ?? []);

  it("fails where it had the CPU to store them, or nobody knows", () => {
    for (const cpu of [[], [span(lostMs, killMs, 0)], [span(lostMs, killMs, 47.5)]]) {
      expect(failed(rulings(cpu))).toEqual([fewLost]);
      expect(starved(rulings(cpu))).toEqual([]);
    }
  });

  it("can't be judged where it waited for a CPU for most of the time that it had, and that is said", () => {
    const said = ["0 of 13 were given and lost, and 3 more while it waited for a CPU"];
    expect(failed(rulings([span(lostMs, killMs, 47.6)]))).toEqual([]);
    expect(starved(rulings([span(lostMs, killMs, 47.6)]))).toEqual(said);
  });

  it("fails where it waited at another time, or another process did", () => {
    const before = [span(lostMs - 200, lostMs, 200), span(lostMs, killMs, 10)];
    const other = [{ ...span(lostMs, killMs, 95), process: 1 }];
    for (const cpu of [before, other]) expect(failed(rulings(cpu))).toEqual([fewLost]);
  });

  it("has lost nothing that came when it was dead, even where it had a CPU", () => {
    const cpu = [span(lostMs, killMs, 0)];
    for (const endedAtMs of [killMs, killMs + 1]) {
      expect(failed(rulings(cpu, endedAtMs))).toEqual([]);
      expect(starved(rulings(cpu, endedAtMs))).toEqual([]);
    }
    expect(failed(rulings(cpu, killMs - 1))).toEqual([fewLost]);
  });

  it("has lost nothing that came when its attempt's time was over", () => {
    const late = [4, 5, 6];
    const ended = (endedAtMs: number) =>
      broken({
        calls: [...good.calls, ...late.map((number) => call({ number, receivedAtMs: 12_100, endedAtMs }))],
        ends: good.ends.map((one) =>
          late.some((number) => one.queueId === id(number))
            ? { ...one, result: { ...one.result, attempts: 2 } }
            : one,
        ),
        histories: retold(
          ...late.map((number) => history(number, [12_000, started], [13_000, timedOut], ...judgedInTheEnd)),
        ),
      });
    expect(ended(12_999)).toEqual([fewLost]);
    expect(ended(13_000)).toEqual([]);
  });

  it("must keep every promise, however starved it was", () => {
    const ends = changed(4, { httpStatus: 404, ticket: null });
    const wholly = [span(0, 100_000, 100_000)];
    expect(broken({ ends, cpu: wholly })).toEqual([endedAndReadable]);
    expect(broken({ cpu: wholly, unansweredKeys: ["a key"] })).toEqual([oneAnswer]);
  });
});

it("says of a run that came to too little that it was starved, if it was, and else fails it", () => {
  const cpu = (waitedMs: number): CpuSpan[] => [
    { process: 0, pid: 1, fromMs: 0, toMs: 100, ranMs: 50, waitedMs },
  ];
  const ruled = (waitedMs: number) =>
    judge({ ...good, cpu: cpu(waitedMs) }, { ...terms, cycles: 2 }).find(({ rule }) => rule === tickets);
  expect(ruled(50)).toEqual({ rule: tickets, violations: ["13 tickets, fewer than 20"], starved: null });
  expect(ruled(50.1)).toEqual({
    rule: tickets,
    violations: [],
    starved: "13 tickets, fewer than 20; the service was not given 50 % of the CPU that it wanted",
  });
});

it("finds texts that are left, and a search that is blind", () => {
  expect(broken({ remains: { ...good.remains, filesWithCanaries: ["tickets.sqlite"] } })).toEqual([erased]);
  expect(broken({ remains: { ...good.remains, canariesWhileWaiting: 0 } })).toEqual([erased]);
});

it("finds a damaged database", () => {
  expect(broken({ remains: { ...good.remains, damage: ["tickets.sqlite: row 3 missing"] } })).toEqual([
    undamaged,
  ]);
});

it("fails a run with too few tickets, each counted once", () => {
  expect(broken({}, { cycles: 2 })).toEqual([tickets]);
  expect(broken({ ledger: [...good.ledger, ...good.ledger] }, { cycles: 2 })).toEqual([tickets]);
});

it.each(["completed", "expired"])("fails a run in which no ticket has %s", (missing) => {
  expect(broken({ ends: without(missing) })).toContain(allEnds);
});

it("fails a run with cycles enough in which no ticket has failed", () => {
  expect(broken({ ends: without("failed") }, { cycles: 4 })).not.toContain(allEnds);
  expect(broken({ ends: without("failed") }, { cycles: 5 })).toContain(allEnds);
  expect(broken({}, { cycles: 5 })).toEqual([tickets]);
});

it("fails a run with cycles enough in which no page was served, sent whole", () => {
  const calls = good.calls.map((one) => ({ ...one, isPage: false }));
  expect(broken({ calls }, { cycles: 4 })).not.toContain(pages);
  expect(broken({ calls }, { cycles: 5 })).toContain(pages);
});

it("fails a run in which fewer than a quarter of the kills came while a call was upstream", () => {
  const idle = [90_000, 91_000, 92_000, 93_000].map((afterMs) => kill(killMs + afterMs));
  expect(broken({ kills: [kill(killMs), ...idle.slice(0, 3)] })).toEqual([]);
  expect(broken({ kills: [kill(killMs), ...idle] })).toEqual([kills]);
});

it("takes only a call that was cut off for one that was upstream at the kill", () => {
  const calls = good.calls.map((one) => ({ ...one, isCut: false }));
  expect(killsInMidCall({ ...good, calls })).toBe(0);
});

function without(end: string): End[] {
  return good.ends.filter(({ ticket }) => ticket?.status !== end);
}
