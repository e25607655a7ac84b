/** The judge of a run with Redis can see: each planted violation is found, by the rule that is meant for it. */
import { describe, expect, it } from "vitest";
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import { markedId } from "../../../src/stores/failover/marked-id.ts";
import type { Answered, Call, Evidence, History } from "./evidence.ts";
import {
  answer,
  call,
  completed,
  died,
  end,
  good,
  history,
  id,
  judgedInTheEnd,
  kept,
  killMs,
  none,
  numbers,
  refusal,
  refusedAnswer,
  requestRefused,
  retold,
  started,
  terms,
  timedOut,
} from "./good-run.ts";
import { judge } from "./judge.ts";
import type { RedisEvidence, RedisFault } from "./redis-evidence.ts";
import { judgeRedis } from "./redis-rules.ts";
import { heardIn } from "./redis-unheard.ts";
import type { CpuSpan } from "./starvation.ts";

const same = "Every process says the same of every ticket in the end";
const closed = "A ticket that was seen ended is never seen unended again";
const refused = "Without a key nobody is refused, whatever is away";
const readable = "A ticket can be looked up while Redis is there: all but at most one look in 50";
const claimLost =
  "A claim is lost only with the process that has called, and before that could store what came of it";
const empty = "In the end the files behind Redis are empty";
const warned = "A Redis that may lose a 202 is warned of, in /healthz and in the log, and no other";
const fewTwins = "Few are judged for nobody: at most one in 10";
const allKinds = "The run was worth it: each kind of kill has come";
const enoughMarked =
  "The run was worth it: at least 3 tickets with marked ids for each time that Redis was away";
const someSpooled = "The run was worth it: outcomes have waited in a file for Redis";
const canSee = "The run was worth it: texts were found in Redis and in the files while tickets waited";
const keptRule = "A judgement that was given is kept, unless a kill came before it could be stored";
const counted = "A ticket counts the calls made for it; only a kill hides one, or a connection that broke";
const final = "A refusal that was given is final, unless a kill came before it could be stored";
const answered = "Every request has an answer that the contract allows, or a kill cut it off";
const known = "No ticket was unknown for a moment";

/** While Redis was dead the good run's judgements came: their outcomes waited in files. */
const fault = { kind: "killed", atMs: 19_500, silentAtMs: 19_510, untilMs: 20_500 } as const;
const marked = [31, 32, 33].map((number) => ({
  number,
  queueId: markedId(19_600, () => `00000000-0000-4000-8000-0000000000${number}`),
}));

const evidence: Evidence = {
  ...good,
  ledger: [...good.ledger, ...marked.map((one) => kept(one))],
  ends: [...good.ends, ...marked.map(({ number, queueId }) => ({ ...end(number, {}), queueId }))],
  histories: [
    ...good.histories,
    ...marked.map((one) => ({ ...history(one.number, ...judgedInTheEnd), ...one })),
  ],
  calls: [...good.calls, ...marked.map(({ number }) => call({ number }))],
};

const goodWithRedis: RedisEvidence = {
  evidence,
  appendfsync: "always",
  strikes: ["process", "pair", "redis", "both", "stop"],
  faults: [fault],
  endsByProcess: [evidence.ends, evidence.ends, evidence.ends],
  looksFound: 1,
  aways: [{ process: 1, atMs: 15_000, untilMs: 16_000 }],
  looksAway: [{ queueId: id(1), process: 1, fromMs: 20_000, toMs: 20_010 }],
  reopened: [],
  canariesInRedis: 1,
  canariesInFiles: 1,
  spooledAtDeath: 0,
  leftovers: [],
  warnings: [{ process: 0, shown: [], logged: [] }],
};

/** The rules that are broken. */
function broken(change: Partial<RedisEvidence>, inside: Partial<Evidence> = {}, settleMs = 1_000): string[] {
  const found = { ...goodWithRedis, ...change, evidence: { ...evidence, ...inside } };
  return judgeRedis(found, { ...terms, settleMs })
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

it("finds nothing in a good run", () => {
  expect(broken({})).toEqual([]);
});

it("has a planted violation for every rule of its own", () => {
  const rules = judgeRedis(goodWithRedis, terms).slice(judge(evidence, terms).length);
  expect(rules.map(({ rule }) => rule)).toEqual([
    same,
    closed,
    refused,
    readable,
    claimLost,
    empty,
    warned,
    fewTwins,
    allKinds,
    enoughMarked,
    someSpooled,
    canSee,
  ]);
});

it("finds a process that can't say what the others say", () => {
  const other = evidence.ends.map((one, index) =>
    index === 1 ? end(2, { ticket: null, httpStatus: 503 }) : one,
  );
  expect(broken({ endsByProcess: [evidence.ends, evidence.ends, other] })).toEqual([same]);
  expect(broken({ endsByProcess: [evidence.ends, evidence.ends, []] })).toEqual([same]);
});

it("finds a ticket that was unknown to one of them for a moment", () => {
  expect(broken({}, { looks: [{ queueId: id(1), httpStatus: 404, ticket: null }] })).toEqual([known]);
});

it("finds an end that was taken back", () => {
  expect(broken({ reopened: [id(1)] })).toEqual([closed]);
});

it("finds a refusal without a key, and allows one with a key", () => {
  const answers = (key: string | null) => [
    ...good.answers,
    answer({ number: 40, key, status: 503, justification: null }),
  ];
  expect(broken({}, { answers: answers(null) })).toEqual([refused]);
  expect(broken({}, { answers: answers("a key") })).toEqual([]);
});

it("allows a refusal by the provider without a key, and no other with its status", () => {
  const told = refusedAnswer({ number: 40, fromMs: 14_000, toMs: 14_200 });
  const calls = [...evidence.calls, refusal({ number: 40, receivedAtMs: 14_010, endedAtMs: 14_090 })];
  const answers = (change: Partial<Answered>) => [...good.answers, { ...told, ...change }];
  expect(broken({}, { answers: answers({}), calls })).toEqual([]);
  expect(broken({}, { answers: answers({}) })).toEqual([answered]);
  const mismatch = answers({ errorType: "IDEMPOTENCY_MISMATCH" });
  expect(broken({}, { answers: mismatch, calls })).toEqual([final, answered, refused]);
});

describe("a ticket that could not be looked up", () => {
  const at = (fromMs: number, toMs: number, process = 1, queueId = id(1)) =>
    broken({ looksAway: [{ queueId, process, fromMs, toMs }] });

  it("is found where Redis was there all the time", () => {
    expect(at(fault.atMs - 20, fault.atMs - 1)).toEqual([readable]);
    expect(at(fault.atMs - 20, fault.atMs)).toEqual([]);
    expect(at(fault.untilMs, fault.untilMs + 20)).toEqual([]);
    expect(at(fault.untilMs + 1, fault.untilMs + 20)).toEqual([readable]);
  });

  it("is found where another process, and not this one, was without Redis or killed", () => {
    expect([at(15_500, 15_510), at(15_500, 15_510, 2)]).toEqual([[], [readable]]);
    expect([at(killMs - 210, killMs - 200, 0), at(killMs - 210, killMs - 200, 2)]).toEqual([[], [readable]]);
    expect(at(killMs - 210, killMs - 201, 0)).toEqual([readable]);
  });

  it("may be in the file of another process, where its id is marked", () => {
    expect(at(fault.atMs - 20, fault.atMs - 10, 1, marked[0]?.queueId)).toEqual([]);
  });

  it("is one in 50", () => {
    const looksAway = [{ queueId: id(1), process: 1, fromMs: 1, toMs: 2 }];
    expect(broken({ looksAway, looksFound: 50 })).toEqual([]);
    expect(broken({ looksAway, looksFound: 49 })).toEqual([readable]);
  });
});

it("finds a claim that was lost though another process was killed", () => {
  const kills = good.kills.map((kill) => ({ ...kill, process: 1 }));
  const strangers = good.broken.map((one) => ({ ...one, process: 1 }));
  expect(broken({}, { kills, broken: strangers })).toContain(claimLost);
  const calls = evidence.calls.map((one) => ({ ...one, process: one.isCut ? 1 : 0 }));
  expect(broken({}, { kills, calls, broken: strangers })).toEqual([]);
  // What another store's ticket of the same comparison was called for meanwhile is no call of this claim.
  const twins = calls.filter(({ isCut }) => isCut).map((one) => ({ ...one, process: 0, isCut: false }));
  expect(broken({}, { kills, calls: [...calls, ...twins], broken: strangers })).not.toContain(claimLost);
});

it("finds a claim that was lost though its process lived on for long", () => {
  const lost = (endedAtMs: number, closing: Happening, closedAtMs: number) => {
    const failed = call({ number: 4, receivedAtMs: endedAtMs - 90, endedAtMs, isJudgement: false });
    const calls = [...evidence.calls, failed];
    const claims = history(4, [endedAtMs - 100, started], [closedAtMs, closing], ...judgedInTheEnd);
    const others = evidence.histories.filter(({ number }) => number !== 4);
    return broken({}, { calls, histories: [...others, claims] });
  };
  expect(lost(killMs - 5_000, died, 19_000)).not.toContain(claimLost);
  expect(lost(killMs - 5_001, died, 19_000)).toContain(claimLost);
  expect(lost(killMs + 100 + 90, died, 19_000)).toContain(claimLost);
  expect(lost(killMs - 5_001, { kind: "expired" }, killMs)).toContain(claimLost);
  expect(lost(killMs - 5_001, { kind: "expired" }, killMs - 1)).not.toContain(claimLost);
});

it("finds files that are not empty, and a search that was blind", () => {
  expect(broken({ leftovers: ["process 0: 1 rows in spool"] })).toEqual([empty]);
  expect(broken({ canariesInRedis: 0 })).toEqual([canSee]);
  expect(broken({ canariesInFiles: 0 })).toEqual([canSee]);
});

it("finds a warning that is missing in one place or the other, and one without cause", () => {
  const line = "… (appendfsync everysec) …";
  const saying = (appendfsync: "always" | "everysec", shown: string[], logged: string[]) =>
    broken({ appendfsync, warnings: [{ process: 0, shown, logged }] });
  expect(saying("everysec", [line], [line])).toEqual([]);
  expect(saying("everysec", [line], [])).toEqual([warned]);
  expect(saying("everysec", [], [line])).toEqual([warned]);
  expect(saying("always", [line], [])).toEqual([warned]);
});

it("fails a run in which a kind of kill is missing, no outcome waited, or too few ids are marked", () => {
  expect(broken({ strikes: ["process", "pair", "redis", "both"] })).toEqual([allKinds]);
  expect(broken({ faults: [fault, fault] })).toEqual([enoughMarked]);
  const silent = (change: Partial<RedisFault>) => broken({ faults: [{ ...fault, ...change }] });
  expect(silent({ silentAtMs: 19_949 })).toEqual([]);
  expect(silent({ silentAtMs: 19_950 })).toEqual([someSpooled]);
  expect(silent({ untilMs: 20_000 })).toEqual([someSpooled]);
  expect(silent({ kind: "stopped", untilMs: 20_501 })).toEqual([]);
  expect(silent({ kind: "stopped", untilMs: 20_500 })).toEqual([someSpooled]);
});

describe("a ticket that Redis stored unheard", () => {
  const twin: History = { ...history(31, ...judgedInTheEnd), queueId: "a twin" };
  const twinned = {
    histories: [...evidence.histories, twin],
    calls: [...evidence.calls, call({ number: 31 })],
  };

  it("may be judged too, beside its twin that somebody was told of", () => {
    expect(broken({}, twinned)).toEqual([]);
    const { twins, callsForTwins } = heardIn({ ...goodWithRedis, evidence: { ...evidence, ...twinned } });
    expect([twins, callsForTwins]).toEqual([[twin], 1]);
  });

  it("may be called for while its twin is", () => {
    const late: History = { ...history(31, [19_950, started], [20_050, completed]), queueId: "a twin" };
    const calls = [...evidence.calls, call({ number: 31, receivedAtMs: 19_960, endedAtMs: 20_049 })];
    expect(broken({}, { histories: [...evidence.histories, late], calls })).toEqual([]);
    expect(broken({}, { histories: [...evidence.histories, late] })).toEqual([]);
  });

  it("has the call that it can have come of, and leaves the other to its twin", () => {
    const refusedTwin: History = {
      ...history(31, [19_890, started], [20_000, requestRefused]),
      queueId: "a twin",
    };
    const histories = [...evidence.histories, refusedTwin];
    const no = refusal({ number: 31 });
    const others = evidence.calls.filter(({ number }) => number !== 31);
    expect(broken({}, { histories, calls: [...others, no, call({ number: 31 })] })).toEqual([]);
    expect(broken({}, { histories, calls: [...others, call({ number: 31 }), no] })).toEqual([]);
    const timedOutTwin = { ...history(31, [19_890, started], [20_000, timedOut]), queueId: "a twin" };
    const unheard = [...evidence.histories, timedOutTwin];
    expect(broken({}, { histories: unheard, calls: [...others, no, call({ number: 31 })] })).toEqual([]);
    const both = [call({ number: 31 }), call({ number: 31 })];
    expect(broken({}, { histories, calls: [...others, ...both] })).toEqual([keptRule, counted]);
  });

  it("excuses no call but its own", () => {
    const calls = [...twinned.calls, call({ number: 31 })];
    expect(broken({}, { ...twinned, calls })).toEqual([keptRule, counted]);
    expect(broken({}, { ...twinned, histories: evidence.histories })).toEqual([keptRule, counted]);
  });

  it("may not be one that a client was told of as well", () => {
    const ledger = [...evidence.ledger, kept({ number: 31, queueId: "a twin" })];
    const ends = [...evidence.ends, { ...end(31, {}), queueId: "a twin" }];
    const endsByProcess = [ends, ends, ends];
    expect(broken({ endsByProcess }, { ...twinned, ledger, ends })).toEqual([keptRule, counted]);
  });

  it("is seldom judged", () => {
    const more = numbers(2).map((number): History => ({
      ...history(number, ...judgedInTheEnd),
      queueId: `twin ${number}`,
    }));
    const calls = [...evidence.calls, ...numbers(2).map((number) => call({ number }))];
    expect(broken({}, { histories: [...evidence.histories, ...more], calls })).toEqual([fewTwins]);
  });
});

describe("a keyed live request whose end Redis could not be told", () => {
  const away = { number: 40, status: 503, errorType: "SERVICE_UNAVAILABLE", justification: null };
  const lost = (receivedAtMs: number, change: Partial<Answered>) =>
    broken(
      {},
      {
        answers: [...good.answers, answer({ ...away, key: "a key", fromMs: 5_000, toMs: 5_500, ...change })],
        calls: [...evidence.calls, call({ number: 40, receivedAtMs, endedAtMs: receivedAtMs + 90 })],
      },
    );

  it("has called for nothing", () => {
    expect(lost(5_000, {})).toEqual([]);
    expect(lost(5_500, {})).toEqual([]);
  });

  it("has called for its ticket, where it left one", () => {
    const ticket = (acceptedAtMs: number) => {
      const spent = history(31, ...judgedInTheEnd);
      const accepted = { number: 1, atMs: acceptedAtMs, kind: "accepted" } as const;
      const kept31 = {
        ...spent,
        queueId: marked[0]?.queueId ?? "",
        events: [accepted, ...spent.events.slice(1)],
      };
      const others = evidence.histories.filter(({ number }) => number !== 31);
      const refused31 = answer({ ...away, number: 31, key: "a key", fromMs: 5_000, toMs: 5_500 });
      const live = call({ number: 31, receivedAtMs: 5_100, endedAtMs: 5_190, isJudgement: false });
      const ends = evidence.ends.map((one) =>
        one.result.number === 31 ? { ...one, result: { ...one.result, attempts: 2 } } : one,
      );
      return broken(
        { endsByProcess: [ends, ends, ends] },
        { answers: [refused31], histories: [...others, kept31], calls: [...evidence.calls, live], ends },
      );
    };
    expect(ticket(5_300)).toEqual([]);
    expect(ticket(5_501)).toEqual([counted]);
  });

  it("has not at another time, nor where it was refused for something else", () => {
    expect(lost(4_999, {})).toEqual([keptRule]);
    expect(lost(5_501, {})).toEqual([keptRule]);
    expect(lost(5_000, { errorType: "QUEUE_FULL" })).toEqual([keptRule]);
    expect(lost(5_000, { key: null })).toEqual([keptRule, refused]);
  });

  it("is told of a refusal all the same", () => {
    const answers = [...good.answers, answer({ ...away, key: "a key", fromMs: 5_000, toMs: 5_500 })];
    const no = refusal({ number: 40, receivedAtMs: 5_100, endedAtMs: 5_190 });
    expect(broken({}, { answers, calls: [...evidence.calls, no] })).toEqual([final]);
    const told = refusedAnswer({ number: 40, key: "a key", fromMs: 5_050, toMs: 5_200 });
    expect(broken({}, { answers: [...answers, told], calls: [...evidence.calls, no] })).toEqual([]);
  });
});

describe("a judgement that was lost with its process", () => {
  const endedMs = killMs - 2_000;
  const lost = history(4, [killMs - 2_101, started], [killMs + 100, died], ...judgedInTheEnd);
  const given = call({ number: 4, receivedAtMs: killMs - 2_100, endedAtMs: endedMs });
  const found = (process: number, startedAtMs: number, cpu: readonly CpuSpan[] = []) => {
    const other = history(5, [startedAtMs, started], [killMs - 1, timedOut], ...judgedInTheEnd);
    const failed: Call = call({
      number: 5,
      process,
      receivedAtMs: startedAtMs + 1,
      endedAtMs: killMs - 2,
      isJudgement: false,
    });
    const histories = [
      ...retold(lost, other),
      ...evidence.histories.filter(({ number }) => marked.some((one) => one.number === number)),
    ];
    const ends = evidence.ends.map((one) =>
      one.queueId === id(5) ? { ...one, result: { ...one.result, attempts: 2 } } : one,
    );
    return broken(
      { endsByProcess: [ends, ends, ends] },
      { calls: [...evidence.calls, given, failed], histories, ends, cpu },
    );
  };

  it("is not excused where that process began, ended and stored another, and could have written this one to its file", () => {
    expect(found(0, endedMs + 1_001)).toEqual([keptRule, counted]);
    expect(found(0, endedMs + 1_000)).toEqual([]);
  });

  it("has so much more time for that as it waited for a CPU meanwhile", () => {
    const span = { process: 0, pid: 1, fromMs: endedMs, toMs: endedMs + 1_100, ranMs: 0, waitedMs: 110 };
    // It waited for a tenth of the time.
    expect(found(0, endedMs + 1_111, [span])).toEqual([keptRule, counted]);
    expect(found(0, endedMs + 1_110, [span])).toEqual([]);
    expect(found(0, endedMs + 1_110, [{ ...span, process: 1 }])).toEqual([keptRule, counted]);
  });

  it("is excused whatever the others stored meanwhile", () => {
    expect(found(1, endedMs + 1_001)).toEqual([]);
  });
});

it("finds a ticket that was lost with Redis", () => {
  const ends = evidence.ends.map((one) =>
    one.queueId === id(3) ? { ...one, httpStatus: 404, ticket: null, result: none(404) } : one,
  );
  const histories = evidence.histories.filter(({ number }) => number !== 3);
  expect(broken({ endsByProcess: [ends, ends, ends] }, { ends, histories })).toContain(
    "Every ticket that a client knows of has ended and can be read",
  );
});
