/** What came of a comparison, for those who count. */
import type { ProcessingMode } from "../domain/judging/comparison.ts";
import type { CallWait } from "../domain/gate/pauses.ts";
import type { Result } from "../domain/result.ts";
import type { KeyedAnswer, KeyedRefusal } from "../gateway/idempotency.ts";
import type { Obstacle, Submitted } from "../gateway/submission.ts";
import type { KeyedOutcome, TurnedAway } from "../telemetry/events.ts";
import type { Compared } from "./route-context.ts";

/** It was no comparison, or none that could be read. */
export const notRead: Compared = {
  mode: null,
  result: "refused",
  turnedAway: null,
  keyed: null,
  away: null,
};

export const crowdedOut: Compared = { ...notRead, turnedAway: "crowded" };

type Answer = Submitted | KeyedAnswer;

/** @param isKeyed it brought an `Idempotency-Key` */
export function comparedAs(
  mode: ProcessingMode,
  isKeyed: boolean,
  submitted: Result<Answer, KeyedRefusal>,
): Compared {
  const keyed = isKeyed ? keyedOutcome(submitted) : null;
  if (!submitted.ok) {
    return { mode, result: "refused", turnedAway: turnedAwayBy(submitted.error), keyed, away: null };
  }
  const answer = submitted.value;
  switch (answer.kind) {
    case "judged": {
      const { vendorMs, awayMs } = answer;
      const away = { vendorMs, waitMs: awayMs - vendorMs };
      return { mode, result: "judged", turnedAway: null, keyed, away };
    }
    case "answered":
      return { mode, result: "judged", turnedAway: null, keyed, away: null };
    case "kept": {
      const turnedAway = answer.waitsFor && turnedAwayBy(answer.waitsFor);
      return { mode, result: "kept", turnedAway, keyed, away: null };
    }
    case "kept_before":
      return { mode, result: "kept", turnedAway: null, keyed, away: null };
  }
}

function turnedAwayBy(why: Obstacle | KeyedRefusal): TurnedAway | null {
  switch (why.kind) {
    case "gate":
      return turnedAwayAtGate(why.why);
    case "queue_full":
    case "crowded":
      return why.kind;
    case "failed":
    case "stopping":
    case "not_usable":
    case "store_away":
    case "key_busy":
    case "key_mismatch":
    case "key_spent":
      return null;
  }
}

function turnedAwayAtGate(why: CallWait): TurnedAway {
  switch (why) {
    case "breaker":
    case "model_faults":
    case "paused":
      return "breaker";
    case "rate_limit":
      return "rate_limit";
  }
}

function keyedOutcome(submitted: Result<Answer, KeyedRefusal>): KeyedOutcome {
  if (submitted.ok) {
    const { value } = submitted;
    const isReplayed = value.kind === "kept_before" || (value.kind === "answered" && value.isReplayed);
    return isReplayed ? "replayed" : "first";
  }
  switch (submitted.error.kind) {
    case "key_busy":
      return "in_progress";
    case "key_mismatch":
    case "key_spent":
      return "mismatch";
    case "failed":
    case "gate":
    case "crowded":
    case "stopping":
    case "not_usable":
    case "queue_full":
    case "store_away":
      return "first";
  }
}
