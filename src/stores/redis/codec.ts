/** Answers of the script, as they were before Lua dropped what is `null` and forgot that an empty list is one. */
import type { Blame } from "../../domain/gate/breaker.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { HeldModel, Outlook, Overview } from "../../domain/gate/view.ts";
import type { ModelHold } from "../../domain/gate/pauses.ts";
import type { Seat } from "../../domain/gate/places.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";

/** Callers name models, and Lua can't read every text that JavaScript can hold. */
export function packModel(model: string): string {
  return JSON.stringify(model);
}

export function packSeat(seat: Seat): Seat {
  return { ...seat, model: packModel(seat.model) };
}

export function reviveAdmission(stored: Admission): Admission {
  return stored.kind === "call"
    ? { ...stored, epoch: stored.epoch ?? null, probe: stored.probe ?? null }
    : stored;
}

export function reviveSnapshot<Told extends Snapshot>(stored: Told): Told {
  const holds = Array.isArray(stored.holds) ? (stored.holds as readonly ModelHold[]) : [];
  return {
    ...stored,
    probeFromMs: stored.probeFromMs ?? null,
    ...(stored.blame === undefined ? {} : { blame: reviveBlame(stored.blame) }),
    ...(stored.doubt === undefined ? {} : { doubt: reviveBlame(stored.doubt) }),
    holds: holds.map((hold) => ({ ...hold, model: JSON.parse(hold.model) as string })),
  };
}

function reviveBlame({ model, ...all }: Blame): Blame {
  return model === undefined ? all : { ...all, model: JSON.parse(model) as string };
}

export function reviveOutlook(stored: Outlook | null): Outlook | null {
  return stored && { ...stored, waitMs: stored.waitMs ?? null };
}

export function reviveOverview(stored: Overview): Overview {
  const held = Array.isArray(stored.held) ? (stored.held as readonly HeldModel[]) : [];
  return {
    ...stored,
    lastFailure: stored.lastFailure ?? null,
    held: held.map((one) => ({ ...one, model: JSON.parse(one.model) as string })),
    lastSuccessMs: stored.lastSuccessMs ?? null,
    lastFailureMs: stored.lastFailureMs ?? null,
    meanResponseMs: stored.meanResponseMs ?? null,
    retryAtMs: stored.retryAtMs ?? null,
    refused: stored.refused ?? null,
    queue: { ...stored.queue, oldestAcceptedAtMs: stored.queue.oldestAcceptedAtMs ?? null },
  };
}
