/** Where one ticket at a time may go: which one a probe takes, and which one is the first after a model's hold. */
import { isClosedForTicket, type GateCore } from "./gate.ts";
import type { ModelHold } from "./pauses.ts";
import {
  byProbeTurn,
  isBlocked,
  type Block,
  type Group,
  type Place,
  type Places,
  type Tally,
} from "./places.ts";
import { pausesOf } from "./blocks.ts";
import { isDivided } from "./ticket-turn.ts";

/** So many of the last probes are remembered: whose turn it was. */
export const mostProbed = 8;

/** Whom a probe takes: the tenant that was asked least lately, then the model, then the ticket. */
export function probeOf(core: GateCore, places: Places, tally: Tally, nowMs: number): readonly Place[] {
  const blocked = pausesOf(core, places, nowMs);
  const query = { nowMs, blocked, forProbe: true, limit: 1 };
  const suspects =
    tally.suspectsInFlight > 0 ? [] : places.ready({ ...query, only: null, suspect: true, limit: mostTied });
  // For whom the breaker is closed, there is nothing to probe.
  const probes = (group: Group) => !isDivided(core) || !isClosedForTicket(core, group);
  const groups = places.groups(nowMs, null).filter((group) => !isBlocked(group, blocked) && probes(group));
  const others = leastLately(core.probed, groups).flatMap((only) =>
    places.ready({ ...query, only, suspect: false }),
  );
  const first = suspects.find(probes);
  return [...(first === undefined ? [] : [first]), ...others].toSorted(byProbeTurn).slice(0, 1);
}

/** Of groups that were asked equally long ago so many are looked at. */
export const mostTied = 8;
/** Of a group so many are looked at, to find one that is another comparison than the one that was refused: people ask the same again. */
const mostEqual = 4;

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

/**
 * The first after a refusal: another comparison's than the one that was refused, of another tenant where one waits. Two tenants may have asked
 * the same.
 */
export function firstOf(
  hold: ModelHold,
  places: Places,
  blocked: readonly Block[],
  nowMs: number,
): readonly Place[] {
  const groups = places.groups(nowMs, hold.model).filter((group) => !isBlocked(group, blocked));
  const firstIn = (among: readonly Group[]) =>
    among
      .slice(0, mostTied)
      .flatMap((only) =>
        places.ready({ nowMs, blocked, only, suspect: false, forProbe: true, limit: mostEqual }),
      )
      .toSorted(byProbeTurn);
  const isAnothers = ({ comparison }: Place) => comparison !== hold.comparison;
  const ofOthers = firstIn(groups.filter(({ tenant }) => tenant !== hold.tenant));
  const ofAnother = ofOthers.find(isAnothers);
  if (ofAnother !== undefined) return [ofAnother];
  const inOrder = [...firstIn(groups.filter(({ tenant }) => tenant === hold.tenant)), ...ofOthers];
  const first = inOrder.find(isAnothers) ?? inOrder[0];
  return first === undefined ? [] : [first];
}
