/** What a vendor answers to one call, as it is with it. */
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";
import type { Failure } from "../../../src/domain/failure.ts";
import { err, ok } from "../../../src/domain/result.ts";
import type { Reply } from "../../../src/gateway/ports.ts";
import type { Random } from "./random.ts";
import type { Illness } from "./vendor-phases.ts";
import type { Call } from "./walk.ts";

export interface Answering {
  /** `Infinity`: never. */
  readonly afterMs: number;
  /** `"throws"`: the adapter has a bug. */
  readonly reply: Reply | "throws";
  readonly verdict: Call["verdict"];
}

export interface Asked {
  /** Is in the justification: no two judgements are alike. */
  readonly mark: string;
  readonly model: string;
  readonly promptSha256: string;
  readonly number: number;
  /** The longest that one takes who is well. */
  readonly wellMs: number;
  /** Until the vendor lets the next call of this model through, where it limits them; 0: it is through. */
  readonly paceMs: () => number;
}

export function answerOf(asked: Asked, illness: Illness | null, random: Random): Answering {
  const { model, wellMs } = asked;
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
  const well = () => judged(asked, random.between(200, wellMs), random);
  switch (illness) {
    case null:
      return well();
    case "vendor_outage":
    case "vendor_sick_model":
    case "vendor_sick_tenant":
      return fail(unwell);
    case "vendor_brownout":
      return random.chance(0.5) ? fail(unwell) : judged(asked, random.between(500, 9_000), random);
    case "vendor_at_random":
      return random.chance([0.33, 0.5, 0.6, 0.8][asked.number % 4] ?? 0.5) ? well() : fail(unwell);
    case "vendor_hang":
      return fail(unwell, Infinity);
    case "vendor_page": {
      const status = random.pick([404, 200, 204, 302, 502]);
      return fail({ reason: "unavailable", status, retryAfterMs: null, fromBetween: true });
    }
    case "vendor_throws":
    case "vendor_throws_for_one":
      return { afterMs: random.pick([0, quickMs]), reply: "throws", verdict: null };
    case "vendor_poisoned":
      return asked.number % 2 === 0
        ? fail(unwell)
        : { afterMs: quickMs, reply: said("I can't decide.", model), verdict: null };
    case "vendor_garbage":
      return garbage(asked, quickMs, random);
    case "vendor_mute_model":
      return { afterMs: quickMs, reply: said("Both are fine.", model), verdict: null };
    case "vendor_429":
      return fail({ reason: "rate_limited", retryAfterMs: null });
    case "vendor_429_named":
      return fail({ reason: "rate_limited", retryAfterMs: random.pick([500, 5_000, 60_000, 7_200_000]) });
    case "vendor_limits_one":
      return fail({ reason: "rate_limited", retryAfterMs: random.between(500, 3_000) });
    case "vendor_tight": {
      const waitMs = asked.paceMs();
      return waitMs === 0 ? well() : fail({ reason: "rate_limited", retryAfterMs: waitMs });
    }
    case "vendor_refuses_key":
      return fail(
        random.chance(0.5)
          ? { reason: "credentials_refused", status: 401 }
          : { reason: "quota_exhausted", status: 402 },
      );
    case "vendor_spent":
      return fail(
        random.chance(0.5)
          ? { reason: "quota_exhausted", status: 429 }
          : {
              reason: "quota_exhausted",
              status: 429,
              retryAfterMs: random.pick([5_000, 600_000, 7_200_000]),
            },
      );
    case "vendor_bars_model":
      return fail({ reason: "credentials_refused", status: 403, scope: "model" });
    case "vendor_doubts":
      return fail({
        reason: "request_refused",
        status: 400,
        vendorSays: "not supported",
        unlessServed: random.pick<Doubt>([
          { reason: "unavailable", status: 400, retryAfterMs: null },
          { reason: "rate_limited", retryAfterMs: null },
          { reason: "credentials_refused", status: 403, scope: "model" },
          { reason: "quota_exhausted", status: 400 },
        ]),
      });
    case "vendor_slow":
      return judged(asked, random.between(3_000, 70_000), random);
  }
}

type Doubt = NonNullable<Extract<Failure, { reason: "request_refused" }>["unlessServed"]>;

/** Names of models that nobody has got, and those that are refused to us. */
export function refusedModel(isGated: boolean, random: Random): Answering {
  const failure: Failure = isGated
    ? { reason: "credentials_refused", status: 403, scope: "model" }
    : { reason: "request_refused", status: 404, vendorSays: "no such model" };
  return { afterMs: random.between(1, 400), reply: failed(failure), verdict: null };
}

const waysToName = {
  "Essay A": ["Essay A", "essay_a", "A", "first", "Option A", "left wins"],
  "Essay B": ["Essay B", "essay_b", "B", "second", "Option B", "right wins"],
} as const;

function judged({ mark, model, promptSha256 }: Asked, afterMs: number, random: Random): Answering {
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

function garbage({ model, promptSha256 }: Asked, afterMs: number, random: Random): Answering {
  const what = random.between(0, 7);
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
    { reason: "content_refused", kind: "content_policy_violation", inError: true },
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

export function failed(failure: Failure): Reply {
  return { outcome: err(failure), usage: null, requestId: null, status: null };
}
