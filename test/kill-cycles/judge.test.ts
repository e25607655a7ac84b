/** The judge can see: each planted violation is found, by the rule that is meant for it and by no other. */
import { expect, it } from "vitest";
import type { Broken, Call, End, Evidence, Kill, TicketStatus } from "./evidence.ts";
import { judge, killsInMidCall } from "./judge.ts";

const terms = { cycles: 1, storingMs: 250, mostAttempts: 6 };
const killMs = 10_000;

/** Ten tickets, each judged by one call; the first one's call was cut by the kill and made again. */
const good: Evidence = {
  ledger: numbers(10).map((number) => ({ number, key: number === 2 ? "a key" : null, queueId: id(number) })),
  answers: [answer({ number: 11 })],
  broken: [cutOff({ number: 12 })],
  unansweredKeys: [],
  looks: [{ queueId: id(3), httpStatus: 200, ticket: status({}) }],
  ends: numbers(10).map((number) => end(number, {})),
  calls: [
    call({ number: 1, receivedAtMs: killMs - 30, endedAtMs: killMs + 3, isJudgement: false, isCut: true }),
    ...numbers(10).map((number) => call({ number })),
  ],
  kills: [kill(killMs)],
  remains: { canariesWhileWaiting: 3, filesWithCanaries: [], damage: [] },
};

function broken(evidence: Partial<Evidence>, other: Partial<typeof terms> = {}): string[] {
  return judge({ ...good, ...evidence }, { ...terms, ...other })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

const endedAndReadable = "Every ticket that a client knows of has ended and can be read";
const known = "No ticket was unknown for a moment";
const oneEnd = "No ticket has two ends";
const own = "Every judgement belongs to the comparison that was asked";
const cause = "No ticket failed or expired without cause";
const notTwice = "A judgement that was given is not asked for again, unless a kill came between";
const notAfter = "Nobody is asked about a ticket that has ended";
const counted = "A ticket counts the calls made for it; only a kill hides one";
const oneAnswer = "One key has one answer";
const answered = "Every request has an answer that the contract allows, or a kill cut it off";
const erased = "The texts of ended tickets are in no data file";
const whole = "The databases are whole";
const tickets = "The run was worth it: at least 10 tickets per cycle";
const kills = "The run was worth it: at least a quarter of the kills came while a call was upstream";

it("finds nothing in a good run", () => {
  expect(broken({})).toEqual([]);
});

it("has a planted violation for every rule", () => {
  const rules = judge(good, terms).map(({ rule }) => rule);
  expect(rules).toEqual([
    endedAndReadable,
    known,
    oneEnd,
    own,
    cause,
    notTwice,
    notAfter,
    counted,
    oneAnswer,
    answered,
    erased,
    whole,
    tickets,
    kills,
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
  const expired = status({ status: "expired", updatedAtMs: 29_999, expiresAtMs: 30_000 });
  const onTime = { ...expired, updatedAtMs: 30_000 };
  expect(broken({ ends: changed(4, { ticket: expired, result: none(410) }) })).toEqual([cause]);
  expect(broken({ ends: changed(4, { ticket: onTime, result: none(410) }) })).toEqual([]);
});

it("finds a ticket that failed before its attempts were spent", () => {
  const calls = [...good.calls, ...numbers(5).map(() => call({ number: 4, isJudgement: false }))];
  const five = status({ status: "failed", retryCount: 5, errorType: "TIMEOUT" });
  const six = { ...five, retryCount: 6 };
  expect(broken({ calls, ends: changed(4, { ticket: five, result: none(502) }) })).toEqual([cause]);
  expect(broken({ calls, ends: changed(4, { ticket: six, result: none(502) }) })).toEqual([]);
});

it("finds a ticket that was given up after fewer than three kills", () => {
  const givenUp = changed(4, {
    ticket: status({ status: "failed", errorType: "INTERNAL_ERROR" }),
    result: none(502),
  });
  expect(broken({ ends: givenUp })).toEqual([cause]);
  expect(
    broken({ ends: givenUp, kills: [kill(killMs), kill(killMs + 9_000), kill(killMs + 9_100)] }),
  ).not.toContain(cause);
});

it("finds a comparison that was judged twice, and forgives a kill before the first was stored", () => {
  const first = call({ number: 4, receivedAtMs: killMs - 300, endedAtMs: killMs - 251 });
  const later = { ...first, endedAtMs: killMs - 250 };
  expect(broken({ calls: [...good.calls, first] })).toEqual([notTwice, counted]);
  expect(broken({ calls: [...good.calls, later] })).toEqual([]);
});

it("forgives calls of a request that a kill cut off, however long before", () => {
  const calls = [...good.calls, call({ number: 4, receivedAtMs: killMs - 2_000, endedAtMs: killMs - 1_900 })];
  const request = cutOff({ number: 4, fromMs: killMs - 2_001 });
  expect(broken({ calls })).toEqual([notTwice, counted]);
  expect(broken({ calls, broken: [request] })).toEqual([]);
});

it("finds a call for a ticket that had ended", () => {
  const late = call({ number: 4, receivedAtMs: 20_021, endedAtMs: 20_050, isJudgement: false });
  const result = { ...end(4, {}).result, attempts: 2 };
  expect(broken({ calls: [...good.calls, late], ends: changed(4, { result }) })).toEqual([notAfter]);
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
  const before = { ...cut, receivedAtMs: killMs + 99 };
  const after = { ...cut, receivedAtMs: killMs + 100 };
  expect(broken({ calls: [...good.calls, before] })).toEqual([]);
  expect(broken({ calls: [...good.calls, after] })).toEqual([counted]);
});

it("finds failed attempts that were never made", () => {
  expect(broken({ ends: changed(4, { ticket: status({ retryCount: 2 }) }) })).toEqual([counted]);
});

it("finds two answers under one key: two tickets, a ticket and a judgement, two judgements", () => {
  const judged = answer({ number: 2, key: "a key", justification: "nonce-a-2- nonce-b-2- good" });
  const again = { number: 2, key: "a key", queueId: id(3) };
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
  expect(broken({ broken: [cutOff({ fromMs: killMs + 1 })] })).toEqual([answered]);
});

it("finds texts that are left, and a search that is blind", () => {
  expect(broken({ remains: { ...good.remains, filesWithCanaries: ["tickets.sqlite"] } })).toEqual([erased]);
  expect(broken({ remains: { ...good.remains, canariesWhileWaiting: 0 } })).toEqual([erased]);
});

it("finds a damaged database", () => {
  expect(broken({ remains: { ...good.remains, damage: ["tickets.sqlite: row 3 missing"] } })).toEqual([
    whole,
  ]);
});

it("fails a run with too few tickets, each counted once", () => {
  expect(broken({}, { cycles: 2 })).toEqual([tickets]);
  expect(broken({ ledger: [...good.ledger, ...good.ledger] }, { cycles: 2 })).toEqual([tickets]);
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

function kill(atMs: number): Kill {
  return { atMs, untilMs: atMs + 100 };
}

function cutOff(change: Partial<Broken>): Broken {
  return { number: 12, fromMs: killMs - 5, toMs: killMs + 5, error: "ECONNRESET", ...change };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function id(number: number): string {
  return `ticket ${number}`;
}

function status(change: Partial<TicketStatus>): TicketStatus {
  return {
    status: "completed",
    updatedAtMs: 20_000,
    expiresAtMs: 99_000,
    retryCount: 0,
    errorType: null,
    ...change,
  };
}

function end(number: number, change: Partial<End>): End {
  const justification = `nonce-a-${number}- nonce-b-${number}- Essay A is better.`;
  const result = { httpStatus: 200, justification, attempts: 1, number };
  return { queueId: id(number), httpStatus: 200, ticket: status({}), result, ...change };
}

function changed(number: number, change: Partial<End>): End[] {
  return good.ends.map((one) => (one.queueId === id(number) ? { ...one, ...change } : one));
}

/** Its result says that so many calls were made for it. */
function counting(number: number, attempts: number): End[] {
  return changed(number, { result: { ...end(number, {}).result, attempts } });
}

/** There is no judgement. */
function none(httpStatus: number): End["result"] {
  return { httpStatus, justification: null, attempts: null, number: null };
}

function call(change: Partial<Call>): Call {
  const usual = { receivedAtMs: 19_900, endedAtMs: 19_990, isJudgement: true, isCut: false };
  return { number: 1, ...usual, ...change };
}

function answer(change: Partial<Evidence["answers"][number]>): Evidence["answers"][number] {
  const justification = "nonce-a-11- nonce-b-11- good";
  return { number: 11, key: null, status: 200, errorType: null, justification, body: "one", ...change };
}
