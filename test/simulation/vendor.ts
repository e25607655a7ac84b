/** The LLM vendors: well most of the time, ill in a number of ways, and each judgement one that was never given before. */
import type { ProviderName } from "../../src/domain/comparison.ts";
import { boundaryOf } from "../../src/domain/boundary.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { err, ok } from "../../src/domain/result.ts";
import type { JudgeRequest, Provider, Reply } from "../../src/gateway/ports.ts";
import type { Life } from "./life.ts";
import { asAlive } from "./life.ts";
import type { FaultKind } from "./plan.ts";
import type { Random } from "./random.ts";
import { walks, type Call, type Sent } from "./walk.ts";
import type { World } from "./world.ts";

const illnesses = [
  "vendor_outage",
  "vendor_brownout",
  "vendor_hang",
  "vendor_garbage",
  "vendor_429",
  "vendor_429_named",
  "vendor_refuses_key",
  "vendor_slow",
] as const satisfies readonly FaultKind[];
type Illness = (typeof illnesses)[number];

export interface Vendor {
  /** As one instance sees it. */
  seenFrom(life: Life): Provider;
}

export interface CallWatch {
  began(call: Call): void;
  ended(call: Call): void;
}

export const plainPlan = {
  temperature: null,
  reasoningEffort: null,
  structure: "schema",
  dropped: [],
} as const;

export function createVendor(world: World, name: ProviderName, watch: CallWatch): Vendor {
  const { scheduler, plan } = world;
  const random = world.random(`vendor ${name}`);
  const phases = illnesses.flatMap((illness) => drawPhases(world, name, illness));
  // Long enough that a shared store comes and goes meanwhile.
  const wellMs = plan.shape === "shared" ? Math.min(15_000, plan.settings.llm.requestTimeoutMs * 0.8) : 3_000;
  let calls = 0;

  function illness(): Illness | null {
    const atMs = world.sinceStartMs();
    const phase = phases.find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
    return phase === undefined || world.hasHealed() ? null : phase.illness;
  }

  function judge(life: Life, request: JudgeRequest, signal: AbortSignal): Promise<Reply> {
    const walk = walks.getStore();
    if (walk === undefined) throw new Error("a call for nobody");
    // What is over before it begins never reaches the vendor.
    if (signal.aborted) return Promise.resolve(failed(abortedBy(signal)));
    const { attempt, ...rest } = request;
    const sent: Sent = { ...rest, provider: name };
    const number = ++calls;
    const call: Call = {
      number,
      walk,
      sent,
      attempt,
      atMs: scheduler.nowMs(),
      reply: null,
      verdict: null,
      owner: null,
    };
    watch.began(call);
    const { afterMs, reply, verdict } = answerOf(`${name} ${number}`, request, illness(), wellMs, random);
    return new Promise((resolve) => {
      const end = (answer: Reply, meant: Call["verdict"]) =>
        asAlive(scheduler, life, () => {
          cancel();
          signal.removeEventListener("abort", onAbort);
          if (call.reply !== null) return;
          call.reply = answer;
          call.verdict = meant;
          watch.ended(call);
          resolve(answer);
        });
      const onAbort = () => end(failed(abortedBy(signal)), null);
      const cancel = afterMs === Infinity ? () => {} : scheduler.after(afterMs, () => end(reply, verdict));
      signal.addEventListener("abort", onAbort);
    });
  }

  world.note(
    `vendor ${name}`,
    phases.map(({ illness, fromMs, untilMs }) => `${illness} ${fromMs}-${untilMs}`).join(", ") ||
      `well for ${plan.requests} requests`,
  );
  return {
    seenFrom: (life) => ({
      name,
      plan: () => plainPlan,
      cost: () => 0.001,
      judge: (request, signal) => judge(life, request, signal),
    }),
  };
}

function drawPhases(world: World, name: ProviderName, illness: Illness) {
  if (!world.plan.rates.has(illness)) return [];
  const random = world.random(`${illness} of ${name}`);
  return Array.from({ length: random.between(1, 2) }, () => {
    const fromMs = random.between(0, world.plan.busyMs);
    return { illness, fromMs, untilMs: fromMs + random.between(5_000, 300_000) };
  });
}

interface Answering {
  readonly afterMs: number;
  readonly reply: Reply;
  readonly verdict: Call["verdict"];
}

/**
 * @param mark is in the justification: no two judgements are alike
 * @param wellMs the longest that one takes who is well
 */
function answerOf(
  mark: string,
  request: JudgeRequest,
  illness: Illness | null,
  wellMs: number,
  random: Random,
): Answering {
  const quickMs = random.between(1, 400);
  const fail = (failure: Failure, afterMs = quickMs): Answering => ({
    afterMs,
    reply: failed(failure),
    verdict: null,
  });
  const unwell = random.pick<Failure>([
    { reason: "connection", code: "ECONNRESET" },
    { reason: "unavailable", status: 503, retryAfterMs: null },
    { reason: "unavailable", status: 529, retryAfterMs: random.between(1, 30_000) },
  ]);
  switch (illness) {
    case null:
      return judged(mark, request, random.between(200, wellMs), random);
    case "vendor_outage":
      return fail(unwell);
    case "vendor_brownout":
      return random.chance(0.5) ? fail(unwell) : judged(mark, request, random.between(500, 9_000), random);
    case "vendor_hang":
      return fail(unwell, Infinity);
    case "vendor_garbage":
      return garbage(request, quickMs, random);
    case "vendor_429":
      return fail({ reason: "rate_limited", retryAfterMs: null });
    case "vendor_429_named":
      return fail({ reason: "rate_limited", retryAfterMs: random.pick([500, 5_000, 60_000, 7_200_000]) });
    case "vendor_refuses_key":
      return fail(
        random.chance(0.5)
          ? { reason: "credentials_refused", status: 401 }
          : { reason: "quota_exhausted", status: 402 },
      );
    case "vendor_slow":
      return judged(mark, request, random.between(3_000, 70_000), random);
  }
}

const waysToName = {
  "Essay A": ["Essay A", "essay_a", "A", "first", "Option A", "left wins"],
  "Essay B": ["Essay B", "essay_b", "B", "second", "Option B", "right wins"],
} as const;

function judged(
  mark: string,
  { model, promptSha256 }: JudgeRequest,
  afterMs: number,
  random: Random,
): Answering {
  const winner = random.pick<"Essay A" | "Essay B">(["Essay A", "Essay B"]);
  const confidence = random.between(10, 50) / 10;
  const text = JSON.stringify({
    boundary: boundaryOf(promptSha256),
    justification: `Call ${mark}: it argues better.`,
    winner: random.pick<string>(waysToName[winner]),
    confidence: random.chance(0.5) ? confidence : `${confidence}`,
  });
  return { afterMs, reply: said(text, model), verdict: { winner, confidence } };
}

function garbage({ model, promptSha256 }: JudgeRequest, afterMs: number, random: Random): Answering {
  const what = random.between(0, 6);
  const mark = `"boundary":"${boundaryOf(promptSha256)}"`;
  const texts = [
    `{${mark},"justification":"Both.","winner":"tie","confidence":3}`,
    "Essay A is the better one.",
    `{${mark},"justification":"First.","winner":"Essay A","confidence":3} {${mark},"justification":"No.","winner":"Essay B","confidence":3}`,
  ];
  const text = texts[what];
  const failures: readonly Failure[] = [
    { reason: "unreadable", why: "not_an_answer" },
    { reason: "content_refused", kind: "safety" },
    { reason: "truncated" },
    { reason: "request_refused", status: 400, vendorSays: "context too long" },
  ];
  const failure = failures[what - texts.length];
  const reply = text === undefined && failure ? failed(failure) : said(text ?? "", model);
  return { afterMs, reply, verdict: null };
}

function said(text: string, model: string): Reply {
  const usage = {
    promptTokens: 100,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    completionTokens: 10,
    reasoningTokens: 0,
  };
  return { outcome: ok({ text, model }), usage, requestId: null, status: 200 };
}

function failed(failure: Failure): Reply {
  return { outcome: err(failure), usage: null, requestId: null, status: null };
}

function abortedBy(signal: AbortSignal): Failure {
  return { reason: signal.reason === "timeout" ? "timeout" : "hung_up" };
}
