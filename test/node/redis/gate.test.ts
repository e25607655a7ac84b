/** The gate that is compiled for Redis decides as its source does: the same commands at the same moments, to both. */
import * as fc from "fast-check";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { root } from "../../../src/stores/redis/redis.ts";
import { createScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import type { GateCall } from "../../../src/stores/redis/script/calls.ts";
import { gateWithModels, storedMs } from "../../support/older-gate.ts";
import { redisClient } from "../../support/redis/client.ts";
import { gateStep, stepLimits, type GateStep } from "../../support/redis/gate-steps.ts";
import { compiledGate, sourceGate, type Answered } from "../../support/redis/gate-twins.ts";
import { hasRedis } from "../../support/redis/program.ts";
import type { BareCall } from "../../support/redis/script/bare.ts";
import { redisServer } from "../../support/redis/server.ts";
import { realClock } from "../../support/redis/stores.ts";

const isMissing = !hasRedis("the gate compiled for Redis");
const server = isMissing ? null : await redisServer({ appendonly: false });
const looker = server && redisClient(server.url);
afterAll(async () => {
  looker?.close();
  await server?.close();
});

const startMs = Date.UTC(2026, 10, 22, 12);

describe.skipIf(isMissing)("the gate compiled for Redis", () => {
  it("answers as its source does and keeps the same, whatever was asked before", async () => {
    if (looker === null) return;
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(gateStep, { minLength: 1, maxLength: 60, size: "max" }), async (steps) => {
        await looker.command("FLUSHALL", "SYNC");
        const source = sourceGate();
        const compiled = compiledGate(looker);
        const expected: Answered[] = [];
        let ms = startMs;
        for (const { command, random, forMs } of steps) {
          ms += forMs;
          compiled.ask(command, { ms, random });
          const answer = source.ask(command, { ms, random });
          expected.push(answer);
          for (const thing of thingsIn(answer, source.state())) seen.add(thing);
        }
        expect(await compiled.answered()).toEqual(expected);
        expect(await compiled.remains()).toEqual(source.remains());
      }),
      { numRuns: 150 },
    );
    expect([...seen]).toEqual(expect.arrayContaining(worthSeeing));
  }, 240_000);

  it("answers and keeps the same where many are asked in one run", async () => {
    if (looker === null) return;
    const moments = fc.array(fc.array(gateStep, { minLength: 1, maxLength: 8, size: "max" }), {
      minLength: 1,
      maxLength: 10,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(moments, async (groups) => {
        await looker.command("FLUSHALL", "SYNC");
        const source = sourceGate();
        const moment: (() => void)[] = [];
        const compiled = compiledGate(looker, moment);
        const expected: unknown[] = [];
        let ms = startMs;
        for (const steps of groups) {
          const [{ random, forMs } = { random: 0, forMs: 0 }] = steps;
          ms += forMs;
          for (const { command } of steps) {
            compiled.ask(command, { ms, random });
            expected.push(source.ask(command, { ms, random }).reply);
          }
          for (const send of moment.splice(0)) send();
        }
        const replies = (await compiled.answered()).map(({ reply }) => reply);
        expect(rounded(replies)).toEqual(rounded(expected));
        expect(rounded(await compiled.remains())).toEqual(rounded(source.remains()));
      }),
      { numRuns: 150 },
    );
  }, 240_000);

  it("carries on what older code has stored, and what such a process goes on writing beside this one", async () => {
    if (looker === null) return;
    const stateKey = `${root}gate:mock:core`;
    const stored = gateWithModels((model) => JSON.stringify(model));
    await looker.command("FLUSHALL", "SYNC");
    await looker.command("SET", stateKey, asStored(stored));
    const call = {
      comparison: "e".repeat(16),
      tenant: "4".repeat(16),
      model: "m",
      beganAgoMs: 800,
      beforeAgoMs: 2_000,
      ticket: { unreadableAgoMs: null, thrownAgoMs: null },
    };
    const callReports: CallReport[] = [
      {
        permit: null,
        epoch: 0,
        finding: { kind: "rate_limited", model: "m", holdMs: 5_000 },
        durationMs: 800,
        call,
      },
    ];
    for (let time = 1; time <= 2; time++) {
      const compiled = compiledGate(looker);
      compiled.ask(
        { verb: "exchange", reportId: `r${time}`, callReports },
        { ms: storedMs + 1_000, random: 0.5 },
      );
      const [answer] = await compiled.answered();
      expect(answer?.reply).toMatchObject({ state: "closed", others: { served: true, judged: "since" } });
      const state = String(await looker.command("GET", stateKey));
      expect(state).not.toMatch(/"(?:tenants|models)":/u);
      const { breaker, models } = stored;
      const own = JSON.parse(state) as { readonly breaker: object };
      const mixed = { ...own, breaker: { ...own.breaker, ...breaker }, models };
      await looker.command("SET", stateKey, asStored(mixed));
    }
  });

  it("counts tenants' lines anew where older code has changed places, and finds its tickets whosever they are", async () => {
    if (looker === null) return;
    await looker.command("FLUSHALL", "SYNC");
    const source = sourceGate();
    const compiled = compiledGate(looker);
    const now = { ms: startMs, random: 0 };
    const items = ["0123456789abcdef", "fedcba9876543210"].flatMap((tenant, line) =>
      [0, 1, 2].map((number) => ({
        ticketId: `t${line}${number}`,
        priority: 0,
        acceptedAtMs: startMs + number,
        sizeBytes: 7,
        model: "m",
        tenant,
        comparison: "",
        tokens: 10,
      })),
    );
    const expected: unknown[] = [];
    const ask = (command: GateStep["command"]) => {
      compiled.ask(command, now);
      expected.push(source.ask(command, now).reply);
    };
    for (const item of items) ask({ verb: "confirm", item, inMs: 0 });
    await compiled.answered();
    const keyOf = (name: string) => `${root}gate:mock:${name}`;
    // Code that knows no lines leaves their sums as they were; that of 1df0c65 knows no tenants either, and has groups of models alone.
    await looker.command("HSET", keyOf("lines"), "0123456789abcdef", "[9,9,9,9,0,5]");
    await looker.command("HSET", keyOf("sums"), "lines_size", "12", "lines_bytes", "1");
    for (const by of ["turns", "waits"]) {
      const own = keyOf(`${by}:"m" fedcba9876543210`);
      await looker.command("RENAME", own, keyOf(`${by}:"m"`));
    }
    await looker.command("HDEL", keyOf("models"), '"m" fedcba9876543210');
    await looker.command("HSET", keyOf("models"), '"m"', "1");
    ask({ verb: "dispatch" });
    const replies = (await compiled.answered()).map(({ reply }) => reply);
    // The first tenant weighs three times as much.
    expect(replies.at(-1)).toEqual(["t00", "t10", "t01", "t02"]);
    expect(rounded(replies)).toEqual(rounded(expected));
    const { places, beside } = await compiled.remains();
    const { lines, sums } = linesAndSums(beside);
    const meant = source.remains();
    expect(rounded(places)).toEqual(rounded(meant.places));
    expect({ lines, sums }).toEqual(linesAndSums(meant.beside));
  });
});

function linesAndSums(beside: unknown) {
  const { lines, sums } = beside as { readonly lines: unknown; readonly sums: unknown };
  return { lines, sums };
}

/** What is `null` is not there in Redis, and an empty list looks like an empty object. */
function asStored(state: unknown): string {
  return JSON.stringify(state, (_key, inner: unknown) => {
    if (inner === null) return undefined;
    return Array.isArray(inner) && inner.length === 0 ? {} : inner;
  });
}

/** Between two calls of one run Redis keeps what it stores with 14 digits as it was counted. */
function rounded(value: unknown): unknown {
  const round = (_key: string, inner: unknown) =>
    typeof inner === "number" ? Math.round(inner * 1000) / 1000 : inner;
  return JSON.parse(JSON.stringify(value, round));
}

it.skipIf(isMissing)("has no verb in the script that ships which tests alone say", async () => {
  if (server === null || looker === null) throw new Error("no redis-server");
  await looker.command("FLUSHALL", "SYNC");
  const item = queueItemOf("t0", startMs, "m");
  const gate = compiledGate(looker);
  gate.ask({ verb: "confirm", item, inMs: 0 }, { ms: startMs, random: 0 });
  await gate.answered();
  const before = await gate.remains();

  const connection = redisTransport(server.url, realClock, 10_000);
  onTestFinished(() => connection.close());
  await new Promise<void>((resolve) => connection.onReady(resolve));
  const clock = { ...realClock, nowMs: () => startMs };
  const parts = { redis: connection, limits: stepLimits, clock, random: () => 0, ownsTime: true };
  const shipped = createScriptRunner({ ...parts, onSchedule() {} });
  const permit = "p";
  const verbs: readonly BareCall[] = [
    { verb: "admit", item: queueItemOf("t1", startMs, "m"), notBeforeMs: startMs },
    { verb: "confirm", item: queueItemOf("t1", startMs, "m"), notBeforeMs: startMs },
    { verb: "park", item, requeueing: { notBeforeMs: startMs + 1, suspect: true, permit: null } },
    { verb: "start", item, starter: { permit, notBeforeMs: startMs, suspect: false } },
    { verb: "release", ticketId: "t0", keptBytes: 0 },
    { verb: "dispatch" },
  ];
  for (const call of verbs) expect(await shipped.atGate("mock", call as object as GateCall)).toEqual([""]);
  expect(await gate.remains()).toEqual(before);
});

function queueItemOf(ticketId: string, acceptedAtMs: number, model: string): QueueItem {
  return {
    ticketId,
    priority: 0,
    acceptedAtMs,
    sizeBytes: 1,
    model,
    tenant: "0123456789abcdef",
    comparison: "",
  };
}

describe.skipIf(isMissing)("a gate in Redis with many tickets", () => {
  const now = { ms: startMs, random: 0 };
  const fault = { permit: null, epoch: null, finding: { kind: "fault" }, durationMs: 1 } as const;
  const finding = { kind: "rate_limited", model: "m", holdMs: 30_000 } as const;
  const rateLimited = { ...fault, finding };

  /** 200 wait, all but the last for the model `m`. What is counted begins when it is there. */
  async function crowded(callReports: CallReport[], lastModel = "m") {
    if (looker === null) throw new Error("no redis-server");
    await looker.command("FLUSHALL", "SYNC");
    const gate = compiledGate(looker);
    for (let i = 0; i < 200; i++) {
      const model = i < 199 ? "m" : lastModel;
      const item = queueItemOf(`t${i}`, startMs + i, model);
      gate.ask({ verb: "confirm", item, inMs: 0 }, now);
    }
    gate.ask({ verb: "exchange", reportId: "r", callReports }, now);
    await gate.answered();
    await looker.command("CONFIG", "RESETSTAT");
    return gate;
  }

  it("looks at few of them to know when the next is ready, also where all wait for a model that is paused", async () => {
    const gate = await crowded([rateLimited]);
    gate.ask({ verb: "overview" }, now);
    expect((await gate.answered()).at(-1)).toMatchObject({ wakeAtMs: startMs + 30_000 });
    expect(await commandsDone()).toBeLessThan(30);
  });

  it("looks at few of them to find the next, where most wait for a model that is paused", async () => {
    const gate = await crowded([rateLimited], "n");
    gate.ask({ verb: "dispatch" }, now);
    expect((await gate.answered()).at(-1)?.reply).toEqual(["t199"]);
    expect(await commandsDone()).toBeLessThan(50);
  });

  it("asks no more of Redis for each verb with 300 tenants than with 30", async () => {
    /** Commands of Redis for each verb, the 300 places divided between so many. */
    async function asked(tenants: number): Promise<readonly number[]> {
      await looker?.command("FLUSHALL", "SYNC");
      if (looker === null) throw new Error("no redis-server");
      const gate = compiledGate(looker);
      const itemAt = (at: number) => ({
        ...queueItemOf(`t${at}`, startMs + at, "m"),
        tenant: String(at % tenants).padStart(16, "0"),
      });
      for (let at = 0; at < 300; at++) gate.ask({ verb: "confirm", item: itemAt(at), inMs: 0 }, now);
      await gate.answered();
      const counts: number[] = [];
      for (const command of [
        { verb: "dispatch" },
        { verb: "confirm", item: itemAt(300), inMs: 0 },
        { verb: "outlook", ticketId: "t299" },
        { verb: "release", ticketId: "t0", keptBytes: 0 },
      ] as const) {
        await looker.command("CONFIG", "RESETSTAT");
        gate.ask(command, now);
        await gate.answered();
        counts.push(await commandsDone());
      }
      return counts;
    }
    const few = await asked(30);
    const many = await asked(300);
    expect(Math.max(...many)).toBeLessThan(120);
    // Each line that is sent from, or looked at, is read by itself where it is another one.
    many.forEach((count, verb) => expect(count).toBeLessThanOrEqual((few[verb] ?? 0) + 10));
  });

  it("looks at few of them to find the next probe", async () => {
    const gate = await crowded([fault, fault, fault]);
    gate.ask({ verb: "dispatch" }, { ms: startMs + 60_000, random: 0 });
    expect((await gate.answered()).at(-1)?.reply).toEqual(["t0"]);
    // A page of those that wait is read, and who is first in it.
    expect(await commandsDone()).toBeLessThan(50);
  });
});

async function commandsDone(): Promise<number> {
  const stats = String(await looker?.command("INFO", "commandstats"));
  const calls = Array.from(stats.matchAll(/:calls=(\d+)/g), ([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, 0);
}

/** Or the walk would prove little. */
const worthSeeing = [
  "open half_open ramp full not_accepting probe",
  "call wait busy backoff breaker credentials rate_limit turn",
].flatMap((words) => words.split(" "));

function thingsIn({ verb, reply }: Answered, { breaker, ramp, accepting }: GateState): readonly string[] {
  const text = JSON.stringify(reply) ?? "";
  return [
    breaker.state,
    ...(ramp === null ? [] : ["ramp"]),
    ...(accepting ? [] : ["not_accepting"]),
    ...(verb === "reserve" && reply === false ? ["full"] : []),
    ...(text.includes('"asProbe":true') ? ["probe"] : []),
    ...Array.from(text.matchAll(/"(?:kind|why)":"(\w+)"/g), ([, notice = ""]) => notice),
  ];
}
