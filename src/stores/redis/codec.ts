/** Answers of the script, as they were before Lua dropped what is `null` and forgot that an empty list is one. */
import type { Blame } from "../../domain/gate/breaker.ts";
import type { GateChange } from "../../domain/gate/changes.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { PausedModel, WaitEstimate, GateStatus } from "../../domain/gate/view.ts";
import type { ModelPause } from "../../domain/gate/pauses.ts";
import type { QueueItem } from "../../domain/gate/places.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";

/** Callers name models, and Lua can't read every text that JavaScript can hold. */
export function encodeModel(model: string): string {
  return JSON.stringify(model);
}

export function encodeQueueItem(item: QueueItem): QueueItem {
  return { ...item, model: encodeModel(item.model) };
}

export function decodeAdmission(stored: Admission): Admission {
  return stored.kind === "call"
    ? { ...stored, epoch: stored.epoch ?? null, probe: stored.probe ?? null }
    : stored;
}

export function decodeSnapshot<Told extends Snapshot>(stored: Told): Told {
  const pauses = Array.isArray(stored.holds) ? (stored.holds as readonly ModelPause[]) : [];
  return {
    ...stored,
    probeFromMs: stored.probeFromMs ?? null,
    ...(stored.blame === undefined ? {} : { blame: decodeBlame(stored.blame) }),
    ...(stored.doubt === undefined ? {} : { doubt: decodeBlame(stored.doubt) }),
    holds: pauses.map((pause) => ({ ...pause, model: JSON.parse(pause.model) as string })),
  };
}

function decodeBlame({ model, ...all }: Blame): Blame {
  return model === undefined ? all : { ...all, model: JSON.parse(model) as string };
}

export function decodeChange(stored: GateChange): GateChange {
  if (!("model" in stored) || stored.model === undefined) return stored;
  return { ...stored, model: JSON.parse(stored.model) as string };
}

export function decodeEstimate(stored: WaitEstimate | null): WaitEstimate | null {
  return stored && { ...stored, waitMs: stored.waitMs ?? null };
}

export function decodeStatus(stored: GateStatus): GateStatus {
  const paused = Array.isArray(stored.held) ? (stored.held as readonly PausedModel[]) : [];
  return {
    ...stored,
    lastFailure: stored.lastFailure ?? null,
    held: paused.map((one) => ({ ...one, model: JSON.parse(one.model) as string })),
    lastSuccessMs: stored.lastSuccessMs ?? null,
    lastFailureMs: stored.lastFailureMs ?? null,
    meanResponseMs: stored.meanResponseMs ?? null,
    retryAtMs: stored.retryAtMs ?? null,
    refused: stored.refused ?? null,
    queue: { ...stored.queue, oldestAcceptedAtMs: stored.queue.oldestAcceptedAtMs ?? null },
  };
}
