/** Whose tickets may not be sent now, and until when: pauses of models, ramps, paces, and for whom the breaker is open. */
import { breakerTurn } from "./breaker.ts";
import { isClosedForTicket, type GateState, type GateLimits } from "./gate.ts";
import {
  isAsked,
  isPaused,
  modelTurn,
  presentPauses,
  rampEndsMs,
  sparesTicketsOf,
  type ModelPause,
} from "./pauses.ts";
import type { Block, Group, Places } from "./places.ts";
import { rampStart } from "../ramp.ts";
import { isDivided, mostInFlight } from "./ticket-turn.ts";
import { leasedTurn } from "./turn.ts";

/** What may not be sent now, and until when, beside what stops all. */
export function blocksOf(
  gate: GateState,
  places: Places,
  nowMs: number,
  limits: GateLimits,
): readonly Block[] {
  return [
    ...pausesOf(gate, places, nowMs),
    ...(isDivided(gate) ? openFor(gate, readyGroups(places, nowMs), nowMs) : []),
    ...beyondRamp(gate, places, nowMs, limits),
  ];
}

/** Of suspects and of others; one that has both comes twice. */
function readyGroups(places: Places, nowMs: number): readonly Group[] {
  return [...places.groups(nowMs, null, false), ...places.groups(nowMs, null, true)];
}

/** For whom the breaker is as if closed, while the ramp lets no more of them start: who probes for the one it is open for is beside the ramp. */
function beyondRamp(gate: GateState, places: Places, nowMs: number, limits: GateLimits): readonly Block[] {
  if (!isDivided(gate) || places.load().inFlight < mostInFlight(gate, { kind: "free" }, limits)) return [];
  return readyGroups(places, nowMs)
    .filter((group) => isClosedForTicket(gate, group))
    .map(({ model, tenant }) => ({ model, tenant, untilMs: Infinity }));
}

export function pausesOf(gate: GateState, places: Places, nowMs: number): readonly Block[] {
  const blocks: Block[] = [];
  for (const pause of presentPauses(gate.holds, nowMs)) {
    const { model } = pause;
    if (isAsked(pause)) {
      const turn = modelTurn(pause, nowMs);
      if (turn.kind === "wait") blocks.push({ ...pausedIn(pause, nowMs), untilMs: turn.untilMs });
    } else if (isPaused(pause, nowMs)) blocks.push({ ...pausedIn(pause, nowMs), untilMs: pause.untilMs });
    else if (roomOf(pause, places) <= 0) blocks.push({ model, untilMs: rampEndsMs(pause) });
  }
  for (const { model, tenant, nextAtMs } of gate.paces) {
    if (nextAtMs > nowMs) blocks.push({ model, tenant, untilMs: nextAtMs });
  }
  return blocks;
}

/**
 * Those of these groups for whom the breaker is open, while it is as if closed for others. The one of them that probes is found without these
 * blocks.
 */
export function openFor(gate: GateState, groups: readonly Group[], nowMs: number): readonly Block[] {
  if (!isDivided(gate)) return [];
  const turn = breakerTurn(gate.breaker, nowMs);
  const untilMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  return groups
    .filter((group) => !isClosedForTicket(gate, group))
    .map(({ model, tenant }) => ({ model, tenant, untilMs }));
}

/** No hash is empty or has this letter: it stands for a tenant that nothing of its own blocks. */
export const anyTenant = "-";

/** Whom a pause keeps back now: all of its model; where it spares others, one tenant, unless another asks already. */
function pausedIn(pause: ModelPause, nowMs: number): { readonly model: string; readonly tenant?: string } {
  const { model, tenant = "", asker = null } = pause;
  const isTaken = leasedTurn(asker, nowMs).kind === "wait";
  return isTaken || !sparesTicketsOf(pause, anyTenant) ? { model } : { model, tenant };
}

/** How many more tickets of a model its ramp lets start. */
function roomOf({ model, ramp = rampStart }: ModelPause, places: Places): number {
  const inFlight = places.inFlight().filter((place) => place.model === model).length;
  return ramp.allowed - inFlight;
}
