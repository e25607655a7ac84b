/** An upstream that hears late, and what may be made of that: both sides of each edge. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { openEars, sentFrom, type Tick } from "./ears.ts";
import type { Evidence } from "./evidence.ts";
import {
  answer,
  call,
  completed,
  good,
  history,
  judgedInTheEnd,
  retold,
  started,
  terms,
  timedOut,
} from "./good-run.ts";
import { judge } from "./judge.ts";
import { withoutLateEars } from "./late-ears.ts";

const notAfter = "Nobody is asked about a ticket that has ended";
const cause = "No ticket failed or expired without cause";

function broken(evidence: Evidence): string[] {
  return judge(evidence, terms)
    .filter(({ violations }) => violations.length > 0)
    .map(({ rule }) => rule);
}

describe("what was heard can have been sent", () => {
  const ticks = (...moments: number[]): Tick[] => moments.map((atMs) => ({ atMs, tookConnection: false }));

  it("some turns of the loop before the one that heard it, and no sooner", () => {
    expect(sentFrom(ticks(0, 5, 10, 15, 20, 25), 26)).toBe(10);
    expect(sentFrom(ticks(0, 5, 10, 15, 20, 25), 25)).toBe(5);
  });

  it("all the while in which the loop stood still", () => {
    expect(sentFrom(ticks(0, 5, 10, 15, 400), 400)).toBe(0);
    expect(sentFrom(ticks(0, 400, 800, 1_200, 1_600), 1_601)).toBe(400);
  });

  it("while one connection after the other was taken, for it may have waited all the while", () => {
    const taking = ticks(0, 5, 10, 15, 20, 25, 30, 35).map(({ atMs }) => ({
      atMs,
      tookConnection: atMs >= 15 && atMs <= 25,
    }));
    expect(sentFrom(taking, 36)).toBe(5);
    expect(
      sentFrom(
        taking.map((one) => ({ ...one, tookConnection: one.atMs !== 20 })),
        36,
      ),
    ).toBe(15);
    expect(
      sentFrom(
        taking.map((one) => ({ ...one, tookConnection: true })),
        36,
      ),
    ).toBe(0);
  });

  it("since the beginning where there were fewer turns, and then when it was heard where there was none", () => {
    expect(sentFrom(ticks(7, 12), 13)).toBe(7);
    expect(sentFrom([], 13)).toBe(13);
  });
});

describe("a call that was heard late", () => {
  /** Its ticket's time was over at 20,600. */
  const heard = (sentFromMs: number, receivedAtMs = 20_900): Evidence => ({
    ...good,
    histories: retold(
      history(4, [19_890, started], [20_000, timedOut], [20_010, started], [20_600, completed]),
    ),
    ends: good.ends.map((end) =>
      end.queueId === "ticket 4" && end.ticket !== null
        ? { ...end, ticket: { ...end.ticket, updatedAtMs: 20_600 }, result: { ...end.result, attempts: 2 } }
        : end,
    ),
    calls: [
      ...good.calls.map((one) => (one.number === 4 ? { ...one, isJudgement: false } : one)),
      call({ number: 4, receivedAtMs, sentFromMs, endedAtMs: 20_990 }),
    ],
  });

  it("is its claim's where it can have been sent in it, and else of nobody", () => {
    expect(broken(withoutLateEars(heard(20_600)))).not.toContain(notAfter);
    expect(broken(withoutLateEars(heard(20_601)))).toContain(notAfter);
    expect(broken(heard(20_600))).toContain(notAfter);
  });

  it("stays where it was heard, if that was while it was waited for", () => {
    const evidence = heard(20_000, 20_300);
    expect(withoutLateEars(evidence).calls).toEqual(evidence.calls);
  });

  it("was not made before its ticket's first claim", () => {
    const histories = retold(history(4, ...judgedInTheEnd));
    const early = call({ number: 4, receivedAtMs: 19_880, sentFromMs: 9_500 });
    expect(withoutLateEars({ ...good, histories, calls: [early] }).calls).toEqual([early]);
  });
});

it("a request's own call is put back into it in the same way, where it fits no claim", () => {
  const request = answer({ number: 30, fromMs: 10_000, toMs: 10_500, status: 503 });
  const heard = (sentFromMs: number) => ({
    ...good,
    answers: [...good.answers, request],
    calls: [call({ number: 30, receivedAtMs: 10_900, sentFromMs })],
  });
  expect(withoutLateEars(heard(10_500)).calls[0]?.receivedAtMs).toBe(10_500);
  expect(withoutLateEars(heard(10_501)).calls[0]?.receivedAtMs).toBe(10_900);
});

it("an attempt that failed was heard, though late", () => {
  const late = good.calls.map((one) =>
    one.receivedAtMs === 80_610
      ? { ...one, receivedAtMs: 80_750, endedAtMs: 80_790, sentFromMs: 80_690 }
      : one,
  );
  expect(broken({ ...good, calls: late })).toContain(cause);
  expect(broken(withoutLateEars({ ...good, calls: late }))).toEqual([]);
});

it("what a loop heard late, which stands still again and again, was sent no sooner than is said", async () => {
  const ears = openEars();
  const heardAtMs = new Map<string, number>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      heardAtMs.set(String(request.headers["x-call"]), Date.now());
      response.end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const standingStill = setInterval(() => {
    for (const endMs = Date.now() + 50; Date.now() < endMs;);
  }, 5);
  const { port } = server.address() as AddressInfo;
  // Each on a connection of its own, most of them at once: they are taken one by one.
  const asking = `
    const { parentPort } = require("node:worker_threads");
    import("node:http").then(async ({ request }) => {
      let number = 0;
      const call = () => new Promise((done) => {
        const id = String(++number);
        const headers = { "x-call": id, connection: "close" };
        const one = request({ port: ${port}, host: "127.0.0.1", method: "POST", headers }, (response) =>
          response.resume().on("end", done));
        one.end("x".repeat(46_000), () => parentPort.postMessage({ id, sentByMs: Date.now() }));
      });
      await call();
      await Promise.all(Array.from({ length: 12 }, call));
      await call();
    });`;
  const worker = new Worker(asking, { eval: true });
  const sentByMs = new Map<string, number>();
  worker.on("message", (sent: { id: string; sentByMs: number }) => sentByMs.set(sent.id, sent.sentByMs));
  await once(worker, "exit");
  clearInterval(standingStill);
  ears.close();
  server.close();
  expect([...heardAtMs.keys()].toSorted()).toEqual([...sentByMs.keys()].toSorted());
  expect(heardAtMs.size).toBe(14);
  for (const [id, atMs] of heardAtMs) expect(ears.sentFrom(atMs)).toBeLessThanOrEqual(sentByMs.get(id) ?? 0);
});
