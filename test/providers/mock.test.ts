import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { judgementIn } from "../../src/domain/judging/frames.ts";
import type { Usage } from "../../src/domain/judging/usage.ts";
import type { Clock, JudgeRequest, Reply } from "../../src/gateway/ports.ts";
import type { MockOptions } from "../../src/providers/mock.ts";
import { mockProvider } from "../../src/providers/mock.ts";

const atOnce: MockOptions = {
  latencyMs: 0,
  latencyJitterMs: 0,
  errorRate: 0,
  errorCodes: [503],
  seed: 42,
};
const request = (given: Partial<JudgeRequest> = {}): JudgeRequest => ({
  model: "mock-judge-1",
  system: "Judge the two essays.",
  user: "ESSAY A: the walrus was Paul. ESSAY B: the walrus was John.",
  maxTokens: 4096,
  plan: { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] },
  promptSha256: "ab".repeat(32),
  frame: 2,
  attempt: 1,
  ...given,
});
const requests = (count: number): JudgeRequest[] =>
  Array.from({ length: count }, (_, at) => request({ promptSha256: at.toString(16).padStart(64, "0") }));

const neverWaits: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after() {
    throw new Error("a mock without latency waited");
  },
};
const judge = (given: JudgeRequest, options: Partial<MockOptions> = {}): Promise<Reply> =>
  mockProvider({ ...atOnce, ...options }, neverWaits).judge(given, new AbortController().signal);

async function verdictOn(given: JudgeRequest, options: Partial<MockOptions> = {}) {
  const { outcome } = await judge(given, options);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  const judgement = judgementIn(given, [outcome.value.text]);
  if (!judgement.ok) throw new Error(judgement.error);
  return judgement.value;
}
function usageOf({ usage }: Reply): Usage {
  if (usage === null) throw new Error("no usage");
  return usage;
}
const winnersOf = (given: JudgeRequest[], seed: number) =>
  Promise.all(given.map(async (each) => (await verdictOn(each, { seed })).winner));
const statusesOf = (given: JudgeRequest[], seed: number) =>
  Promise.all(given.map(async (each) => (await judge(each, { seed, errorRate: 0.5 })).status));
const failureOf = (reply: Reply): Failure | null => (reply.outcome.ok ? null : reply.outcome.error);

/** A clock that stands until it is told to go on. */
function standingClock() {
  const waiting = new Set<{ delayMs: number; ring: () => void }>();
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after(delayMs, ring) {
      const timer = { delayMs, ring };
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
  };
  return { clock, waiting };
}

async function delayOf(given: JudgeRequest, options: Partial<MockOptions>): Promise<number> {
  const { clock, waiting } = standingClock();
  const reply = mockProvider({ ...atOnce, ...options }, clock).judge(given, new AbortController().signal);
  const [timer] = waiting;
  if (timer === undefined) return 0;
  timer.ring();
  await reply;
  return timer.delayMs;
}

it("writes what the service reads as a judgement, with nothing to mend and nothing of the essays", async () => {
  for (const given of requests(2_000)) {
    const judgement = await verdictOn(given);
    expect(judgement.normalizations).toEqual([]);
    expect(judgement.justification.length).toBeGreaterThanOrEqual(50);
    expect(judgement.justification.length).toBeLessThanOrEqual(500);
    expect(judgement.justification).not.toMatch(/walrus|[{}]/);
    expect(judgement.justification).toContain("has not read these essays");
    expect(judgement.justification).toContain(`its coin fell for ${judgement.winner}`);
    expect(judgement.confidence).toBeGreaterThanOrEqual(1);
    expect(judgement.confidence).toBeLessThanOrEqual(5);
    expect(judgement.confidence).toBe(Number(judgement.confidence.toFixed(1)));
  }
});

it("gives a ticket that was never asked for a boundary the same verdict without one", async () => {
  const [given = request()] = requests(1);
  const old = await judge({ ...given, frame: 1 });
  expect(Object.keys(JSON.parse(old.outcome.ok ? old.outcome.value.text : ""))).not.toContain("boundary");
  expect(await verdictOn({ ...given, frame: 1 })).toEqual(await verdictOn(given));
});

it("either essay wins about half of the time, with every confidence and justifications of several lengths", async () => {
  const judgements = [];
  for (const given of requests(2_000)) judgements.push(await verdictOn(given));
  const firstWins = judgements.filter(({ winner }) => winner === "Essay A").length;
  // Four standard deviations of a fair coin thrown 2,000 times.
  expect(Math.abs(firstWins - 1_000)).toBeLessThan(90);
  expect(new Set(judgements.map(({ confidence }) => confidence)).size).toBe(41);
  expect(new Set(judgements.map(({ justification }) => justification.length)).size).toBe(4);
});

it("the verdict follows from seed and request, not from attempt, latency or errors", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string(),
      fc.integer(),
      fc.integer({ min: 2, max: 50 }),
      async (promptSha256, seed, attempt) => {
        const once = await judge(request({ promptSha256 }), { seed });
        const again = await judge(request({ promptSha256, attempt }), { seed, errorRate: 1, errorCodes: [] });
        expect(again.outcome).toEqual(once.outcome);
      },
    ),
  );
});

it("another seed judges otherwise, and so does another request", async () => {
  const many = requests(64);
  expect(await winnersOf(many, 42)).not.toEqual(await winnersOf(many, 43));
  expect(await winnersOf(many, 42)).not.toEqual(await winnersOf(many.toReversed(), 42));
});

it("echoes the model, and names each call", async () => {
  const reply = await judge(request({ model: "mock-of-my-own" }));
  expect(reply.outcome).toMatchObject({ ok: true, value: { model: "mock-of-my-own" } });
  expect(reply.status).toBe(200);
  expect(reply.requestId).toMatch(/^mock-[0-9a-f]{8}$/);
  expect((await judge(request({ attempt: 2 }))).requestId).not.toBe(reply.requestId);
});

it("counts tokens from the texts, and reasons as hard as it is told", async () => {
  const usageAt = async (reasoningEffort: JudgeRequest["plan"]["reasoningEffort"], maxTokens = 4096) => {
    const reply = await judge(request({ maxTokens, plan: { ...request().plan, reasoningEffort } }));
    const usage = usageOf(reply);
    const written = reply.outcome.ok ? Math.ceil(reply.outcome.value.text.length / 4) : Number.NaN;
    expect(usage.completionTokens).toBe(written + usage.reasoningTokens);
    return usage;
  };
  const { system, user } = request();
  expect(await usageAt(null)).toMatchObject({
    promptTokens: Math.ceil((system.length + user.length) / 4),
    cachedTokens: 0,
    cacheWriteTokens: 0,
  });
  const reasoning = [];
  for (const effort of ["none", "low", "medium", "high"] as const) {
    reasoning.push((await usageAt(effort)).reasoningTokens);
  }
  expect(reasoning[0]).toBe(0);
  expect(reasoning).toEqual(reasoning.toSorted((one, other) => one - other));
  expect(new Set(reasoning).size).toBe(4);
  expect((await usageAt("high", 1)).reasoningTokens).toBe(0);
  expect((await usageAt("high", 200)).completionTokens).toBeLessThanOrEqual(200);
});

it("takes all parameters, under any name", () => {
  const mock = mockProvider(atOnce, neverWaits);
  const { signal } = new AbortController();
  for (const model of ["mock-judge-1", "mock-of-my-own"]) {
    expect(mock.plan(model, { temperature: 0.3, maxTokens: 100, reasoningEffort: "none" }, signal)).toEqual({
      temperature: 0.3,
      reasoningEffort: "none",
      structure: "schema",
      dropped: [],
    });
  }
});

it("its own model costs nothing, another one an unknown amount", async () => {
  const mock = mockProvider(atOnce, neverWaits);
  const usage = usageOf(await judge(request()));
  expect(mock.cost("mock-judge-1", usage, Date.UTC(2026, 10, 22))).toBe(0);
  expect(mock.cost("mock-of-my-own", usage, Date.UTC(2026, 10, 22))).toBeNull();
});

it.each([
  [503, { reason: "unavailable", status: 503, retryAfterMs: null }],
  [429, { reason: "rate_limited", retryAfterMs: null }],
  [401, { reason: "credentials_refused", status: 401 }],
  [402, { reason: "quota_exhausted", status: 402 }],
  [400, { reason: "request_refused", status: 400 }],
] as const)("its %i means what a vendor's would", async (status, failure) => {
  const reply = await judge(request(), { errorRate: 1, errorCodes: [status] });
  expect(failureOf(reply)).toMatchObject(failure);
  expect(reply).toMatchObject({ status, usage: null, requestId: expect.stringMatching(/^mock-/) });
});

it("fails as often as it is told, with each code as often as the others", async () => {
  const statuses: (number | null)[] = [];
  for (const given of requests(2_000)) {
    statuses.push((await judge(given, { errorRate: 0.3, errorCodes: [503, 429, 500] })).status);
  }
  const share = (status: number) => statuses.filter((each) => each === status).length / 2_000;
  expect(share(200)).toBeGreaterThan(0.65);
  expect(share(200)).toBeLessThan(0.75);
  for (const code of [503, 429, 500]) {
    expect(share(code)).toBeGreaterThan(0.07);
    expect(share(code)).toBeLessThan(0.13);
  }
});

it("never fails at rate 0 nor without codes, and always at rate 1", async () => {
  for (const given of requests(200)) {
    expect((await judge(given, { errorRate: 0 })).status).toBe(200);
    expect((await judge(given, { errorRate: 1, errorCodes: [] })).status).toBe(200);
    expect((await judge(given, { errorRate: 1 })).status).toBe(503);
  }
});

it("errors follow from seed, request and attempt: the same call fails again, another attempt may not", async () => {
  const attempts = Array.from({ length: 64 }, (_, at) => request({ attempt: at + 1 }));
  const first = await statusesOf(attempts, 42);
  expect(await statusesOf(attempts, 42)).toEqual(first);
  expect(new Set(first).size).toBe(2);
  expect(await statusesOf(attempts, 43)).not.toEqual(first);
});

it("waits its latency, and at most the jitter more, as seed, request and attempt say", async () => {
  expect(await delayOf(request(), { latencyMs: 250 })).toBe(250);
  const jittery = { latencyMs: 100, latencyJitterMs: 50 };
  const delays = [];
  for (let attempt = 1; attempt <= 100; attempt++) delays.push(await delayOf(request({ attempt }), jittery));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(100);
  expect(Math.max(...delays)).toBeLessThan(150);
  expect(new Set(delays).size).toBeGreaterThan(90);
  expect(await delayOf(request({ attempt: 7 }), jittery)).toBe(delays[6]);
});

it("a changed latency leaves the errors as they were", async () => {
  for (let attempt = 1; attempt <= 32; attempt++) {
    const { clock, waiting } = standingClock();
    const options = { ...atOnce, errorRate: 0.5, latencyMs: 10, latencyJitterMs: 5 };
    const slow = mockProvider(options, clock).judge(request({ attempt }), new AbortController().signal);
    for (const timer of waiting) timer.ring();
    expect((await slow).status).toBe((await judge(request({ attempt }), { errorRate: 0.5 })).status);
  }
});

it.each(["timeout", "hung_up"] as const)(
  "ends at once when the flow aborts with %s, and leaves no timer",
  async (cause) => {
    const { clock, waiting } = standingClock();
    const controller = new AbortController();
    const mock = mockProvider({ ...atOnce, latencyMs: 60_000, errorRate: 1 }, clock);
    const reply = mock.judge(request(), controller.signal);
    expect(waiting.size).toBe(1);
    controller.abort(cause);
    expect(await reply).toEqual({
      outcome: { ok: false, error: { reason: cause } },
      usage: null,
      requestId: null,
      status: null,
    });
    expect(waiting.size).toBe(0);
  },
);

it("does not begin when the signal has aborted before", async () => {
  const mock = mockProvider({ ...atOnce, latencyMs: 60_000 }, neverWaits);
  const reply = await mock.judge(request(), AbortSignal.abort("hung_up"));
  expect(failureOf(reply)).toEqual({ reason: "hung_up" });
});

it("an abort after the answer changes nothing, and no listener is left behind", async () => {
  const { clock, waiting } = standingClock();
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => (listeners++, add(...given));
  signal.removeEventListener = (...given: Parameters<typeof remove>) => (listeners--, remove(...given));
  const reply = mockProvider({ ...atOnce, latencyMs: 10 }, clock).judge(request(), signal);
  for (const timer of waiting) timer.ring();
  expect((await reply).outcome.ok).toBe(true);
  expect(listeners).toBe(0);
});
