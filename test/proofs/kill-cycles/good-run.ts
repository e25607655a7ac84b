/** Evidence of a good run, made by hand, and the parts to plant violations with. */
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import type { Answered, Broken, Call, End, Evidence, History, Kept, Kill, TicketStatus } from "./evidence.ts";
import { judge } from "./judge.ts";

export const terms = { cycles: 1, failuresFrom: 5, timeoutMs: 1_000, settleMs: 0, mostAttempts: 2 };
export const killMs = 10_000;
export const failed = 21;
export const expired = 22;
export const refused = 23;

/** The rules that this evidence breaks, in place of the good run's. */
export function broken(evidence: Partial<Evidence>, other: Partial<typeof terms> = {}): string[] {
  return judge({ ...good, ...evidence }, { ...terms, ...other })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

export function id(number: number): string {
  return `ticket ${number}`;
}

export function kill(atMs: number): Kill {
  return { process: 0, atMs, untilMs: atMs + 100 };
}

export function cutOff(change: Partial<Broken>): Broken {
  return { number: 12, process: 0, fromMs: killMs - 5, toMs: killMs + 5, error: "ECONNRESET", ...change };
}

export function kept(change: Partial<Kept>): Kept {
  return { number: 1, key: null, queueId: id(1), fromMs: 8_999, toMs: 9_001, expiresAtMs: 99_000, ...change };
}

export function status(change: Partial<TicketStatus>): TicketStatus {
  const times = { updatedAtMs: 20_000, expiresAtMs: 99_000 };
  return { status: "completed", ...times, retryCount: 0, errorType: null, ...change };
}

export function end(number: number, change: Partial<End>): End {
  const justification = `nonce-a-${number}- nonce-b-${number}- Essay A is better.`;
  const result = { httpStatus: 200, justification, attempts: 1, number };
  return { queueId: id(number), httpStatus: 200, ticket: status({}), result, ...change };
}

/** There is no judgement. */
export function none(httpStatus: number): End["result"] {
  return { httpStatus, justification: null, attempts: null, number: null };
}

export function call(change: Partial<Call>): Call {
  const usual = {
    receivedAtMs: 19_900,
    sentFromMs: change.receivedAtMs ?? 19_900,
    endedAtMs: 19_990,
    isJudgement: true,
    isRefusal: false,
    isPage: false,
    isBroken: false,
    isCut: false,
  };
  return { number: 1, process: 0, ...usual, ...change };
}

/** Instead of a judgement. */
export function refusal(change: Partial<Call>): Call {
  return call({ isJudgement: false, isRefusal: true, ...change });
}

export function answer(change: Partial<Answered>): Answered {
  const justification = "nonce-a-11- nonce-b-11- good";
  return {
    number: 11,
    fromMs: 19_800,
    toMs: 20_000,
    key: null,
    status: 200,
    errorType: null,
    justification,
    body: "one",
    ...change,
  };
}

export function refusedAnswer(change: Partial<Answered>): Answered {
  return answer({ status: 422, errorType: "INVALID_REQUEST", justification: null, ...change });
}

/** Accepted at 9,000, then what is told; charged with what has ended it, or with all the calls that it may be. */
export function history(number: number, ...told: (readonly [atMs: number, Happening])[]): History {
  const events = [[9_000, { kind: "accepted" }] as const, ...told].map(([atMs, happening], index) => ({
    number: index + 1,
    atMs,
    ...happening,
  }));
  const attempts = chargedWith(told.at(-1)?.[1]);
  return { number, queueId: id(number), expiresAtMs: expiresAtMs(number), attempts, events };
}

function chargedWith(last: Happening | undefined): number {
  if (last?.kind === "completed") return 1;
  if (last?.kind !== "failed" || last.reason === "crashed") return 0;
  return last.reason === "request_refused" ? 1 : terms.mostAttempts;
}

function expiresAtMs(number: number): number {
  return number === expired ? 30_000 : 99_000;
}

export const started = { kind: "started", fence: 1, asProbe: false } as const;
export const completed = { kind: "completed" } as const;
export const died = { kind: "returned", why: "died", reason: null } as const;
export const timedOut = { kind: "returned", why: "attempt_failed", reason: "timeout" } as const;
export const requestRefused = { kind: "failed", reason: "request_refused" } as const;
export const judgedInTheEnd = [
  [19_890, started],
  [20_000, completed],
] as const;

/**
 * Ten tickets, each judged by one call; the first one's call was cut by the kill and made again. One more has failed by two attempts a minute
 * apart, while those ten were judged; one was refused, and one expired.
 */
export const good: Evidence = {
  ledger: [...numbers(10), failed, expired, refused].map((number) =>
    kept({
      number,
      key: number === 2 ? "a key" : null,
      queueId: id(number),
      expiresAtMs: expiresAtMs(number),
    }),
  ),
  answers: [answer({ number: 11 })],
  broken: [cutOff({ number: 12 })],
  unansweredKeys: [],
  looks: [{ queueId: id(3), httpStatus: 200, ticket: status({}) }],
  ends: [
    ...numbers(10).map((number) => end(number, {})),
    end(failed, {
      ticket: status({ status: "failed", updatedAtMs: 80_700, retryCount: 2, errorType: "TIMEOUT" }),
      result: none(502),
    }),
    end(expired, {
      ticket: status({ status: "expired", updatedAtMs: 30_000, expiresAtMs: 30_000 }),
      result: none(410),
    }),
    end(refused, {
      ticket: status({
        status: "failed",
        updatedAtMs: 16_100,
        retryCount: 1,
        errorType: "INVALID_REQUEST",
      }),
      result: none(502),
    }),
  ],
  histories: [
    history(1, [killMs - 40, started], [killMs + 100, died], ...judgedInTheEnd),
    ...numbers(10)
      .slice(1)
      .map((number) => history(number, ...judgedInTheEnd)),
    history(
      failed,
      [19_995, started],
      [20_600, timedOut],
      [80_600, started],
      [80_700, { kind: "failed", reason: "timeout" }],
    ),
    history(expired, [30_000, { kind: "expired" }]),
    history(refused, [16_000, started], [16_100, requestRefused]),
  ],
  calls: [
    call({ number: 1, receivedAtMs: killMs - 30, endedAtMs: killMs + 3, isJudgement: false, isCut: true }),
    ...numbers(10).map((number) => call({ number })),
    call({ number: failed, receivedAtMs: 20_560, endedAtMs: 20_590, isJudgement: false, isPage: true }),
    call({ number: failed, receivedAtMs: 80_610, endedAtMs: 80_690, isJudgement: false }),
    refusal({ number: refused, receivedAtMs: 16_010, endedAtMs: 16_090 }),
  ],
  kills: [kill(killMs)],
  cpu: [],
  remains: { canariesWhileWaiting: 3, filesWithCanaries: [], damage: [] },
};

export function changed(number: number, change: Partial<End>): End[] {
  return good.ends.map((one) => (one.queueId === id(number) ? { ...one, ...change } : one));
}

/** Its result says that so many calls were made for it. */
export function counting(number: number, attempts: number): End[] {
  return changed(number, { result: { ...end(number, {}).result, attempts } });
}

/** These tickets' histories in place of the good ones. */
export function retold(...histories: readonly History[]): History[] {
  const told = new Map(histories.map((one) => [one.number, one]));
  return good.histories.map((one) => told.get(one.number) ?? one);
}
