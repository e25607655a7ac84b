/**
 * What operators are to hear of a gate: from which change of its state on whom it lets through. Compared are two states, one of which was stored
 * in the other's place, so each change is told once, whoever made it.
 *
 * A pause that ends by its time changes nothing that is stored: its end was told when it began (`untilMs`), and `provider_released` comes with
 * the first answer after it, or when the pause is forgotten.
 */
import type { Failure } from "../failure.ts";
import type { Refusal } from "./call-report.ts";
import type { GateState } from "./gate.ts";
import { isPaused, type ModelPause, type PauseReason } from "./pauses.ts";

export type GateChange =
  /** Told again of each probe that failed. */
  | {
      readonly kind: "breaker_opened";
      /** From here on a probe may go. */
      readonly untilMs: number;
      /** Why the latest call failed; absent: not known. */
      readonly reason?: Failure["reason"];
      /** Faults in a row. */
      readonly faults: number;
      /** See `modelKey`: it is open for this model alone. Absent: not for one model alone. */
      readonly model?: string;
    }
  | { readonly kind: "breaker_half_open" }
  | { readonly kind: "breaker_closed" }
  /** Absent `model`: our account is refused, or an operator has halted the provider (`paused`: until an operator resumes). */
  | {
      readonly kind: "provider_held";
      readonly reason: HeldFor;
      readonly untilMs?: number;
      readonly model?: string;
    }
  | { readonly kind: "provider_released"; readonly reason: HeldFor; readonly model?: string }
  /** From the high watermark on, and below the low one. `size`: unfinished tickets. */
  | { readonly kind: "queue_full"; readonly size: number }
  | { readonly kind: "queue_accepting"; readonly size: number };

type HeldFor = Refusal | PauseReason | "paused";

/** @param size of the queue, asked where it is told */
export function changesOf(
  before: GateState,
  after: GateState,
  size: () => number,
  nowMs: number,
): readonly GateChange[] {
  const changes: GateChange[] = [];
  const breaker = breakerChange(before, after);
  if (breaker !== null) changes.push(breaker);
  if ((before.halt === undefined) !== (after.halt === undefined)) {
    changes.push({
      kind: after.halt === undefined ? "provider_released" : "provider_held",
      reason: "paused",
    });
  }
  if (before.credentials !== after.credentials) {
    for (const change of accountChanges(before, after)) changes.push(change);
  }
  if (before.holds !== after.holds) {
    for (const change of modelChanges(before.holds, after.holds, nowMs)) changes.push(change);
  }
  if (before.accepting !== after.accepting) {
    changes.push({ kind: after.accepting ? "queue_accepting" : "queue_full", size: size() });
  }
  return changes;
}

function breakerChange({ breaker: before }: GateState, { breaker, vitals }: GateState): GateChange | null {
  switch (breaker.state) {
    case "closed":
      return before.state === "closed" ? null : { kind: "breaker_closed" };
    case "half_open":
      return before.state === "half_open" ? null : { kind: "breaker_half_open" };
    case "open": {
      if (before.state === "open" && before.epoch === breaker.epoch) return null;
      const { lastFailure = null, faultsInRow: faults } = vitals;
      const model = breaker.blame?.model;
      return {
        kind: "breaker_opened",
        untilMs: breaker.probeFromMs,
        faults,
        ...(lastFailure === null ? {} : { reason: lastFailure }),
        ...(model === undefined ? {} : { model }),
      };
    }
  }
}

function accountChanges(
  { credentials: before }: GateState,
  { credentials }: GateState,
): readonly GateChange[] {
  if (credentials === null) {
    return before === null ? [] : [{ kind: "provider_released", reason: before.why }];
  }
  if (before !== null && before.why === credentials.why) return [];
  return [{ kind: "provider_held", reason: credentials.why, untilMs: credentials.askFromMs }];
}

function modelChanges(
  before: readonly ModelPause[],
  after: readonly ModelPause[],
  nowMs: number,
): readonly GateChange[] {
  const changes: GateChange[] = [];
  for (const pause of after) {
    const was = before.find(({ model }) => model === pause.model);
    const wasHeld = was !== undefined && isHeldNow(was, nowMs) && reasonFor(was) === reasonFor(pause);
    if (!wasHeld && isHeldNow(pause, nowMs)) {
      const { model, untilMs } = pause;
      changes.push({ kind: "provider_held", reason: reasonFor(pause), untilMs, model });
    }
  }
  for (const was of before) {
    if (was.ramp !== undefined) continue;
    const now = after.find(({ model }) => model === was.model);
    if (now === undefined || now.ramp !== undefined) {
      changes.push({ kind: "provider_released", reason: reasonFor(was), model: was.model });
    }
  }
  return changes;
}

function isHeldNow(pause: ModelPause, nowMs: number): boolean {
  return pause.ramp === undefined && isPaused(pause, nowMs);
}

function reasonFor({ why = "rate_limit" }: ModelPause): PauseReason {
  return why;
}
