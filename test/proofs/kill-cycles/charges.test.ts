/** What a ticket may be charged with, and by what it may fail: both sides of each edge of what the judge says to that. */
import { describe, expect, it } from "vitest";
import type { Happening } from "../../../src/domain/ticket/ticket.ts";
import type { Call, History } from "./evidence.ts";
import {
  broken,
  call,
  changed,
  completed,
  cutOff,
  expired,
  failed,
  good,
  history,
  judgedInTheEnd,
  none,
  refused,
  retold,
  started,
  status,
  terms,
  timedOut,
} from "./good-run.ts";

const cause = "No ticket failed or expired without cause";
const day = "No ticket failed by its provider's day";
const charged =
  "No ticket is charged with a fault of its provider's but while others are judged, a minute apart";

type Told = readonly (readonly [atMs: number, Happening])[];

const timeout = { kind: "failed", reason: "timeout" } as const;
const asProbe = { ...started, asProbe: true } as const;
const probeFailed = { kind: "returned", why: "probe_failed", reason: "timeout" } as const;

describe("a ticket that failed after its attempts", () => {
  const others = good.calls.filter(({ number }) => number !== failed);
  /** With a call in each of its claims, and shown as its history has it. */
  const telling = (told: Told, change: Partial<History> = {}, calls: readonly Call[] = others) => {
    const begun = told.filter(([, { kind }]) => kind === "started").map(([atMs]) => atMs);
    const made = begun.map((atMs) =>
      call({ number: failed, receivedAtMs: atMs + 1, endedAtMs: atMs + 2, isJudgement: false }),
    );
    const failures = told.filter(
      ([, one]) => one.kind === "failed" || (one.kind === "returned" && one.why === "attempt_failed"),
    );
    const ticket = status({
      status: "failed",
      updatedAtMs: told.at(-1)?.[0] ?? 0,
      retryCount: failures.length,
      errorType: "TIMEOUT",
    });
    return broken({
      ends: changed(failed, { ticket, result: none(502) }),
      histories: retold({ ...history(failed, ...told), ...change }),
      calls: [...calls, ...made],
    });
  };
  const twice = (firstMs: number, secondMs: number): Told => [
    [firstMs - 50, started],
    [firstMs, timedOut],
    [secondMs - 50, started],
    [secondMs, timeout],
  ];

  it("was charged with them a minute apart", () => {
    expect(telling(twice(19_999, 79_999))).toEqual([]);
    expect(telling(twice(19_999, 79_998))).toEqual([day, charged]);
  });

  it("was charged while another comparison was judged, since its call before and until its end", () => {
    // The judgements came at 19,990, and were told at 20,000.
    const from = (startedAtMs: number): Told => [
      [startedAtMs, started],
      [startedAtMs + 500, timedOut],
      [85_000, started],
      [85_100, timeout],
    ];
    expect(telling(from(20_020))).toEqual([]);
    expect(telling(from(20_021))).toEqual([day, charged]);
    expect(telling(twice(19_970, 85_000))).toEqual([]);
    expect(telling(twice(19_969, 85_000))).toEqual([day, charged]);
  });

  it("was not charged while nobody else was judged", () => {
    const own = others.map((one) => (one.isJudgement ? { ...one, number: failed } : one));
    expect(telling(twice(19_999, 79_999), {}, own)).toEqual(expect.arrayContaining([day, charged]));
    const none = others.map((one) => ({ ...one, isJudgement: false }));
    expect(telling(twice(19_999, 79_999), {}, none)).toEqual(expect.arrayContaining([day, charged]));
  });

  it("may have failed in between without being charged with it", () => {
    const told = [...twice(19_999, 40_000).slice(0, 3), [40_000, timedOut] as const];
    expect(telling([...told, [85_000, started], [85_100, timeout]])).toEqual([day, charged]);
    const judged = call({ number: 11, receivedAtMs: 45_000, endedAtMs: 45_100 });
    const calls = [...others, judged];
    expect(telling([...told, [85_000, started], [85_100, timeout]], {}, calls)).toEqual([]);
  });

  it("was not charged with a probe", () => {
    const probe = [
      [19_950, asProbe],
      [19_999, probeFailed],
    ] as const;
    expect(telling([...probe, ...twice(19_999, 79_999).slice(2)])).toEqual([cause, day, charged]);
  });

  it("failed by one that it was charged with", () => {
    const told = [...twice(19_999, 79_999).slice(0, 3), [79_999, timedOut] as const];
    expect(telling([...told, [85_000, started], [85_100, timeout]])).toEqual([day]);
  });

  it("had as many as it may have, neither more nor fewer", () => {
    expect(telling(twice(19_999, 79_999), { attempts: 1 })).toEqual([day]);
    expect(telling(twice(19_999, 79_999), { attempts: 3 })).toEqual([day, charged]);
  });

  it("failed by no refusal of our account, and by nothing that a client did", () => {
    for (const reason of ["quota_exhausted", "credentials_refused", "hung_up"] as const) {
      const told = [...twice(19_999, 79_999).slice(0, 3), [79_999, { kind: "failed", reason }] as const];
      expect(telling(told)).toContain(day);
    }
  });
});

describe("a ticket that failed by 429s", () => {
  const limited = { kind: "returned", why: "attempt_failed", reason: "rate_limited" } as const;
  const failing = (count: number, between: Told = []) => {
    const claims = Array.from({ length: count }, (_, at) => 19_000 + at * 100);
    const told = claims.flatMap((atMs, at): Told => [
      ...(at === 1 ? between : []),
      [atMs, started],
      [atMs + 90, at === count - 1 ? { kind: "failed", reason: "rate_limited" } : limited],
    ]);
    const judged = call({ number: 11, receivedAtMs: 18_000, endedAtMs: 18_100 });
    const begun = told.filter(([, { kind }]) => kind === "started").map(([atMs]) => atMs);
    return broken({
      ends: changed(failed, {
        ticket: status({
          status: "failed",
          updatedAtMs: told.at(-1)?.[0] ?? 0,
          retryCount: told.length / 2,
          errorType: "RATE_LIMIT",
        }),
        result: none(502),
      }),
      // Of another, always anew.
      broken: [...good.broken, cutOff({ number: 11, fromMs: 17_900, toMs: 25_000 })],
      kills: [...good.kills, { process: 0, atMs: 18_050, untilMs: 18_060 }],
      histories: retold({ ...history(failed, ...told), attempts: 1 }),
      calls: [
        ...good.calls.filter(({ number }) => number !== failed),
        judged,
        ...begun.map((atMs) =>
          call({ number: failed, receivedAtMs: atMs + 1, endedAtMs: atMs + 2, isJudgement: false }),
        ),
      ],
    });
  };

  it("had more than eight of them in a row, while others were judged", () => {
    expect(failing(9)).not.toContain(day);
    expect(failing(8)).toContain(day);
  });

  it("had them without a fault between them", () => {
    expect(
      failing(10, [
        [19_091, started],
        [19_099, timedOut],
      ]),
    ).not.toContain(day);
    expect(
      failing(9, [
        [19_091, started],
        [19_099, timedOut],
      ]),
    ).toContain(day);
  });
});

it("finds a ticket that failed by an answer that nobody gives here: a page that was read as one", () => {
  for (const reason of ["unreadable", "truncated", "content_refused"] as const) {
    const types = {
      unreadable: "INVALID_RESPONSE",
      truncated: "RESPONSE_TRUNCATED",
      content_refused: "CONTENT_REFUSED",
    };
    const ticket = status({ status: "failed", updatedAtMs: 16_100, retryCount: 1, errorType: types[reason] });
    const told = history(refused, [16_000, started], [16_100, { kind: "failed", reason }]);
    const calls = good.calls.map((one) =>
      one.number === refused ? { ...one, isRefusal: false, isPage: true } : one,
    );
    expect(
      broken({ ends: changed(refused, { ticket }), histories: retold({ ...told, attempts: 1 }), calls }),
    ).toEqual([cause]);
  }
});

describe("a ticket that did not fail", () => {
  it("is charged with the call that judged it, but not with a probe", () => {
    const judged = (attempts: number, how: typeof started | typeof asProbe) =>
      broken({ histories: retold({ ...history(4, [19_890, how], [20_000, completed]), attempts }) });
    expect(judged(1, started)).toEqual([]);
    expect(judged(2, started)).toEqual([charged]);
    expect(judged(0, asProbe)).toEqual([]);
    expect(judged(1, asProbe)).toEqual([charged]);
  });

  it("is charged with no fault while nobody else was judged", () => {
    const faulty = (closedAtMs: number, attempts: number) =>
      broken({
        histories: retold({
          ...history(
            4,
            [closedAtMs - 500, started],
            [closedAtMs, timedOut],
            [20_010, started],
            [20_100, completed],
          ),
          attempts,
        }),
        ends: changed(4, { ticket: status({ updatedAtMs: 20_100 }) }),
        calls: good.calls.map((one) =>
          one.number === 4 ? { ...one, receivedAtMs: 20_020, endedAtMs: 20_090 } : one,
        ),
      });
    expect(faulty(19_000, 1)).toEqual([]);
    expect(faulty(19_000, 2)).toEqual([charged]);
    expect(faulty(19_990, 2)).toEqual([]);
  });

  it("may be charged with the claim that it expired by", () => {
    const late = (attempts: number) =>
      broken({
        histories: retold({
          ...history(expired, [29_000, started], [30_000, { kind: "expired" }]),
          attempts,
        }),
      });
    expect(late(terms.mostAttempts - 1)).toEqual([]);
    expect(late(terms.mostAttempts)).toEqual([charged]);
  });
});

describe("a call on a connection that the provider had broken", () => {
  /** Another call of ticket 4, which counts one. */
  const before = (change: Partial<Call>, next: Partial<Call> = {}) => {
    const first = call({
      number: 4,
      receivedAtMs: 19_895,
      endedAtMs: 19_899,
      isJudgement: false,
      isBroken: true,
    });
    return broken({
      histories: retold(history(4, [19_000, started], [20_000, completed])),
      calls: [
        ...good.calls.map((one) => (one.number === 4 ? { ...one, ...next } : one)),
        { ...first, ...change },
      ],
    });
  };
  const counted = "A ticket counts the calls made for it; only a kill hides one, or a connection that broke";

  it("may be made once more and counts as one with that", () => {
    expect(before({})).toEqual([]);
    expect(before({ isBroken: false })).toEqual([counted]);
  });

  it("counts where it broke later, or the next one came when its time was over, or was another process'", () => {
    expect(before({ receivedAtMs: 19_000, endedAtMs: 20_000 }, { receivedAtMs: 20_000 })).toEqual([]);
    expect(before({ receivedAtMs: 19_000, endedAtMs: 20_001 }, { receivedAtMs: 20_000 })).toEqual([counted]);
    expect(before({ receivedAtMs: 18_999, endedAtMs: 19_100 }, { receivedAtMs: 20_000 })).toEqual([counted]);
    expect(before({ process: 1 })).toEqual([counted]);
  });

  it("is made once more only once", () => {
    const again = { receivedAtMs: 19_896, endedAtMs: 19_899, isJudgement: false, isBroken: true, number: 4 };
    const first = call({ ...again, receivedAtMs: 19_895 });
    const found = (...calls: Call[]) =>
      broken({ calls: [...good.calls, ...calls], histories: retold(history(4, ...judgedInTheEnd)) });
    expect(found(first)).toEqual([]);
    expect(found(first, call(again))).toEqual([counted]);
  });
});
