/** Where one ticket at a time may go: which one a probe takes, and which one asks for its model, or is the first after its pause. */
import { anyTenant, openFor, pausesOf } from "./blocks.ts";
import { isClosedForTicket, type GateState } from "./gate.ts";
import { pauseOf, isAsked, isPaused, type ModelPause } from "./pauses.ts";
import {
  byProbeAge,
  byProbeTurn,
  isBlocked,
  type Block,
  type Group,
  type Place,
  type Places,
} from "./places.ts";
import { rampStart } from "../ramp.ts";
import { isDivided } from "./ticket-turn.ts";

/** So many of the last probes are remembered: whose turn it was. */
export const mostProbed = 8;
/** Of groups that were asked equally long ago so many are looked at. */
const mostTied = 8;
/** Of a group so many are looked at, to find one that is another comparison than the one that was refused: people ask the same again. */
const mostEqual = 4;

/** Whom a probe takes: the tenant that was asked least lately, then the model, then the ticket. `null`: there is none. */
export function probeOf(gate: GateState, places: Places, nowMs: number): Place | null {
  const blocked = pausesOf(gate, places, nowMs);
  // For whom the breaker is closed, there is nothing to probe.
  const probes = (group: Group) =>
    !isBlocked(group, blocked) && (!isDivided(gate) || !isClosedForTicket(gate, group));
  const others = places.groups(nowMs, null, false).filter(probes);
  const suspects = places.load().suspectsInFlight > 0 ? [] : places.groups(nowMs, null, true).filter(probes);
  const only = suspects.filter((group) => !others.some((other) => isSame(group, other)));
  const query = { nowMs, blocked, forProbe: true, limit: 1 };
  const candidates = leastLately(gate.probed, [...others, ...only]).flatMap((group) =>
    [
      ...(suspects.some((other) => isSame(group, other))
        ? places.ready({ ...query, ...group, suspect: true })
        : []),
      ...places.ready({ ...query, ...group, suspect: false }),
    ]
      .toSorted(byProbeTurn)
      .slice(0, 1),
  );
  return candidates.toSorted(byProbeAge)[0] ?? null;
}

function isSame(a: Group, b: Group): boolean {
  return a.tenant === b.tenant && a.model === b.model;
}

function leastLately(probed: readonly Group[], groups: readonly Group[]): readonly Group[] {
  let best: readonly Group[] = [];
  let bestRank = Infinity;
  for (const group of groups) {
    const rank = rankIn(probed, group);
    if (rank < bestRank) {
      best = [group];
      bestRank = rank;
    } else if (rank === bestRank && best.length < mostTied) best = [...best, group];
  }
  return best;
}

/** The lower, the longer ago: by tenant first. */
function rankIn(probed: readonly Group[], { tenant, model }: Group): number {
  let ofTenant = 0;
  let ofModel = 0;
  for (let at = 0; at < probed.length; at++) {
    const group = probed[at];
    if (group?.tenant !== tenant) continue;
    ofTenant = at + 1;
    if (group.model === model) ofModel = at + 1;
  }
  return ofTenant * (mostProbed + 1) + ofModel;
}

/** Does this ticket go as the first after its model's pause? In vain perhaps: then another is next. */
export function isFirst({ holds: pauses }: GateState, { model }: Group, nowMs: number): boolean {
  const pause = pauseOf(pauses, model, nowMs);
  return pause !== undefined && goesAlone(pause);
}

function goesAlone({ ramp = rampStart }: ModelPause): boolean {
  return ramp.allowed === 1;
}

/**
 * Who asks for a model that one ticket at a time asks for, or is the first after its pause; `null`: nobody is to, or can. These go before all
 * others, one of each model: a pause that nobody asks about would not end.
 */
export function askerOf(gate: GateState, pause: ModelPause, places: Places, nowMs: number): Place | null {
  if (!isAsked(pause) && (isPaused(pause, nowMs) || !goesAlone(pause))) return null;
  const pauses = pausesOf(gate, places, nowMs);
  if (isBlocked({ model: pause.model, tenant: anyTenant }, pauses)) return null;
  const groups = places.groups(nowMs, pause.model, false);
  return firstOf(pause, groups, places, [...pauses, ...openFor(gate, groups, nowMs)], nowMs);
}

/**
 * The first after a refusal: another comparison's than the one that was refused, of another tenant where one waits. Two tenants may have asked
 * the same.
 */
function firstOf(
  pause: ModelPause,
  all: readonly Group[],
  places: Places,
  blocked: readonly Block[],
  nowMs: number,
): Place | null {
  const groups = all.filter((group) => !isBlocked(group, blocked));
  /** A few of each group, in its order; the groups by their first ones. */
  const firstIn = (among: readonly Group[]) =>
    among
      .slice(0, mostTied)
      .map((group) =>
        places.ready({ nowMs, blocked, ...group, suspect: false, forProbe: true, limit: mostEqual }),
      )
      .toSorted(byFirst)
      .flat();
  const isAnothers = ({ comparison }: Place) => comparison !== pause.comparison;
  const ofOthers = firstIn(groups.filter(({ tenant }) => tenant !== pause.tenant));
  const ofAnother = ofOthers.find(isAnothers);
  if (ofAnother !== undefined) return ofAnother;
  const inOrder = [...firstIn(groups.filter(({ tenant }) => tenant === pause.tenant)), ...ofOthers];
  return inOrder.find(isAnothers) ?? inOrder[0] ?? null;
}

function byFirst([a]: readonly Place[], [b]: readonly Place[]): number {
  return a === undefined || b === undefined ? 0 : byProbeAge(a, b);
}
