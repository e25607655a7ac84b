/** The judge of the lone ticket can see: each planted violation is found, by the rule that is meant for it. */
import { expect, it } from "vitest";
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import { afterwardsMs, type Alone } from "./alone.ts";
import { judgeAlone } from "./alone-rules.ts";
import type { Call, Evidence, TicketStatus } from "./evidence.ts";
import { call, completed, end, history, kept, kill, none, started, status } from "./good-run.ts";

const judged = "Alone in an outage, in default settings, a ticket is judged after it";
const others = "Alone in an outage, it is kept as all others are";
const worth = "The run was worth it: alone, it met at least 5 calls that failed, before a kill and after it";

const ill = { kind: "returned", why: "attempt_failed", reason: "unavailable" } as const;
const fails = [9_100, 11_000, 14_000, 20_000, 32_000];
const wellMs = 33_000;
const judgedMs = 45_000;

const told = (ended: readonly (readonly [number, Happening])[]) =>
  history(1, ...fails.flatMap((atMs) => [[atMs, started] as const, [atMs + 400, ill] as const]), ...ended);

const good: Alone = {
  mood: "hidden",
  outage: { fromMs: 9_001, untilMs: wellMs },
  evidence: {
    ledger: [kept({})],
    answers: [],
    broken: [],
    unansweredKeys: [],
    looks: [],
    ends: [
      end(1, {
        ticket: status({ updatedAtMs: judgedMs, retryCount: 5 }),
        result: { ...end(1, {}).result, attempts: 6 },
      }),
    ],
    histories: [
      told([
        [judgedMs - 500, started],
        [judgedMs, completed],
      ]),
    ],
    calls: [
      ...fails.map((atMs) =>
        call({ receivedAtMs: atMs + 10, endedAtMs: atMs + 390, isJudgement: false, isPage: true }),
      ),
      call({ receivedAtMs: judgedMs - 490, endedAtMs: judgedMs - 10 }),
    ],
    cpu: [],
    kills: [kill(12_000)],
    remains: { canariesWhileWaiting: 1, filesWithCanaries: [], damage: [] },
  },
};

function broken(inside: Partial<Evidence>, change: Partial<Alone> = {}): string[] {
  return judgeAlone({ ...good, ...change, evidence: { ...good.evidence, ...inside } })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

function ending(ticket: Partial<TicketStatus>, justification?: string): Evidence["ends"] {
  const [one] = good.evidence.ends;
  if (one === undefined || one.ticket === null) return [];
  const result = justification === undefined ? one.result : { ...one.result, justification };
  return [{ ...one, ticket: { ...one.ticket, ...ticket }, result }];
}

it("finds nothing where it was judged", () => {
  expect(broken({})).toEqual([]);
  expect(judgeAlone(good).map(({ rule }) => rule)).toEqual([judged, others, worth]);
});

it("finds that it has failed by the outage", () => {
  const ticket = status({
    status: "failed",
    updatedAtMs: 20_400,
    retryCount: 4,
    errorType: "SERVICE_UNAVAILABLE",
  });
  const histories = [
    history(
      1,
      ...fails.slice(0, 3).flatMap((atMs) => [[atMs, started] as const, [atMs + 400, ill] as const]),
      [20_000, started],
      [20_400, { kind: "failed", reason: "unavailable" }],
    ),
  ].map((one) => ({ ...one, attempts: 4 }));
  const calls = good.evidence.calls.slice(0, 4);
  const ends = [end(1, { ticket, result: none(502) })];
  expect(broken({ ends, histories, calls })).toEqual([judged, others, worth]);
});

it("finds that it has expired, or that nobody knows it", () => {
  expect(broken({ ends: ending({ status: "expired" }) })).toContain(judged);
  expect(broken({ ends: [end(1, { httpStatus: 404, ticket: null })] })).toContain(judged);
});

it("finds that it was judged too late, or by another's judgement", () => {
  const updatedAtMs = wellMs + afterwardsMs;
  expect(broken({ ends: ending({ updatedAtMs }) })).toEqual([]);
  expect(broken({ ends: ending({ updatedAtMs: updatedAtMs + 1 }) })).toEqual([judged]);
  expect(broken({ ends: ending({}, "nonce-a-2- nonce-b-2- good") })).toEqual([judged, others]);
});

it("finds that it was charged with the outage", () => {
  const histories = good.evidence.histories.map((one) => ({ ...one, attempts: 2 }));
  expect(broken({ histories })).toEqual([others]);
});

it("fails where fewer calls failed in the outage than a ticket has attempts, or all on one side of the kill", () => {
  expect(broken({}, { outage: { fromMs: 9_001, untilMs: 32_010 } })).toEqual([worth]);
  const cut = (one: Call, at: number) => (at === 1 ? { ...one, isCut: true } : one);
  expect(broken({ calls: good.evidence.calls.map(cut) })).toEqual([worth]);
  expect(broken({ kills: [kill(9_110)] })).toEqual([worth]);
  expect(broken({ kills: [kill(9_111)] })).toEqual([]);
  expect(broken({ kills: [kill(32_010)] })).toEqual([]);
  expect(broken({ kills: [kill(32_011)] })).toEqual([worth]);
});
