/** Which tickets are sent now, and when to look again. The gate is the only one who sends a ticket that waits. */
import { breakerTurn, type Whose } from "./breaker.ts";
import { isClosedForTicket, takeTurn, type GateState, type GateLimits } from "./gate.ts";
import {
  credentialsTurn,
  pauseOf,
  isAsked,
  isPaused,
  modelTurn,
  presentPauses,
  sparesTicketsOf,
  type ModelPause,
} from "./pauses.ts";
import { paced } from "./paces.ts";
import {
  byProbeTurn,
  byTurn,
  dispatchMs,
  isBlocked,
  silenceMs,
  type Block,
  type Group,
  type Place,
  type Places,
  type QueueLoad,
} from "./places.ts";
import { rampStart } from "./ramp.ts";
import { bothTurns, leasedTurn, type Turn } from "./turn.ts";

/** When the queue may call: the breaker and the credentials must both let it. */
export function queueTurn(gate: GateState, nowMs: number): Turn {
  return bothTurns(breakerTurn(gate.breaker, nowMs), credentialsTurn(gate.credentials, nowMs));
}

/** When a ticket may be called for. */
export function ticketTurn(gate: GateState, whose: Whose, nowMs: number): Turn {
  return isClosedForTicket(gate, whose) ? credentialsTurn(gate.credentials, nowMs) : queueTurn(gate, nowMs);
}

/** Is the breaker open for some tickets, while those of others go as if it were closed? */
function isDivided({ breaker, credentials }: GateState): boolean {
  return breaker.state !== "closed" && breaker.others !== undefined && credentials === null;
}

/** Tickets in flight at once. With one turn the ramp has nothing to say: it begins when the breaker closes. */
export function mostInFlight(gate: GateState, turn: Turn, limits: GateLimits): number {
  return turn.kind === "free" && gate.ramp !== null
    ? Math.min(gate.ramp.allowed, limits.concurrency)
    : limits.concurrency;
}

/** How many tickets may be sent now, and whether the one is a probe. */
function openings(
  gate: GateState,
  load: QueueLoad,
  nowMs: number,
  limits: GateLimits,
): { count: number; forProbe: boolean } {
  const turn = queueTurn(gate, nowMs);
  const free = Math.max(0, mostInFlight(gate, turn, limits) - load.inFlight);
  switch (turn.kind) {
    case "wait":
      return { count: 0, forProbe: true };
    case "one":
      return { count: Math.min(1, free), forProbe: true };
    case "free":
      return { count: free, forProbe: false };
  }
}

/** So many of the last probes are remembered: whose turn it was. */
const mostProbed = 8;

/**
 * Sends as many tickets as there are openings, in order.
 *
 * @param most that whoever takes them can take
 * @returns the places as sent; the caller writes them and sends their ids
 */
export function dispatch(
  gate: GateState,
  places: Places,
  nowMs: number,
  limits: GateLimits,
  most = Infinity,
): { gate: GateState; places: readonly Place[] } {
  const load = places.load();
  const { count: free, forProbe } = openings(gate, load, nowMs, limits);
  const count = Math.min(free, most);
  if (isDivided(gate)) return divided(gate, places, load, count, nowMs, limits, most);
  if (count <= 0) return { gate, places: [] };
  const chosen = forProbe ? probeOf(gate, places, load, nowMs) : inTurn(gate, places, load, count, nowMs);
  return sent(gate, chosen.slice(0, count), forProbe, nowMs);
}

/** The probe of those for whom the breaker is open, and tickets of the others. */
function divided(
  gate: GateState,
  places: Places,
  load: QueueLoad,
  probes: number,
  nowMs: number,
  limits: GateLimits,
  most: number,
): { gate: GateState; places: readonly Place[] } {
  const blamed = (place: Place) => !isClosedForTicket(gate, place);
  const probe = probes <= 0 ? [] : probeOf(gate, places, load, nowMs).filter(blamed);
  const probing = sent(gate, probe, true, nowMs);
  // It counts for the ramp of its model, and as a suspect.
  for (const place of probing.places) places.put(place);
  const now = probing.places.length === 0 ? load : places.load();
  const free = Math.max(0, mostInFlight(gate, { kind: "free" }, limits) - now.inFlight);
  const count = Math.min(free, most - probing.places.length);
  if (count <= 0) return probing;
  const chosen = inTurn(probing.gate, places, now, count, nowMs).filter((place) => !blamed(place));
  const others = sent(probing.gate, chosen.slice(0, count), false, nowMs);
  return { gate: others.gate, places: [...probing.places, ...others.places] };
}

function sent(
  gate: GateState,
  chosen: readonly Place[],
  forProbe: boolean,
  nowMs: number,
): { gate: GateState; places: readonly Place[] } {
  const untilMs = nowMs + dispatchMs;
  const places = chosen.map((place): Place => {
    const isAsking = forProbe || asks(gate, place) || isFirst(gate, place, nowMs);
    return {
      ...place,
      standing: { state: "dispatched", untilMs },
      probes: isAsking ? nowMs : place.probes,
    };
  });
  return {
    gate: places.reduce((before, place) => told(before, place, forProbe, untilMs, nowMs), gate),
    places,
  };
}

/** The turn is the ticket's until a worker claims it with a permit of its own. */
function told(gate: GateState, place: Place, forProbe: boolean, untilMs: number, nowMs: number): GateState {
  const { ticketId, model, tenant } = place;
  const lease = { permit: ticketId, endsAtMs: untilMs };
  const paces = paced(gate.paces, tenant, model, nowMs);
  const started = paces === gate.paces ? gate : { ...gate, paces };
  if (forProbe) {
    return {
      ...takeTurn(started, place, lease),
      probed: [...gate.probed, { tenant, model }].slice(-mostProbed),
    };
  }
  if (!asks(gate, place)) return started;
  const pauses = gate.holds.map((pause) => (pause.model === model ? { ...pause, asker: lease } : pause));
  return { ...started, holds: pauses };
}

function asks({ holds: pauses }: GateState, { model }: Place): boolean {
  return pauses.some((pause) => pause.model === model && isAsked(pause));
}

/** Does it go as the first after its model's pause? In vain perhaps: then another is next. */
function isFirst({ holds: pauses }: GateState, { model }: Place, nowMs: number): boolean {
  const pause = pauseOf(pauses, model, nowMs);
  return pause !== undefined && (pause.ramp ?? rampStart).allowed === 1;
}

/** Whom a probe takes: the tenant that was asked least lately, then the model, then the ticket. */
function probeOf(gate: GateState, places: Places, load: QueueLoad, nowMs: number): readonly Place[] {
  const blocked = pausesOf(gate, places, nowMs);
  const query = { nowMs, blocked, forProbe: true, limit: 1 };
  const suspects =
    load.suspectsInFlight > 0 ? [] : places.ready({ ...query, only: null, suspect: true, limit: mostTied });
  // For whom the breaker is closed, there is nothing to probe.
  const probes = (group: Group) => !isDivided(gate) || !isClosedForTicket(gate, group);
  const groups = places.groups(nowMs, null).filter((group) => !isBlocked(group, blocked) && probes(group));
  const others = leastLately(gate.probed, groups).flatMap((only) =>
    places.ready({ ...query, only, suspect: false }),
  );
  const first = suspects.find(probes);
  return [...(first === undefined ? [] : [first]), ...others].toSorted(byProbeTurn).slice(0, 1);
}

/** Of groups that were asked equally long ago so many are looked at. */
const mostTied = 8;
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

/** Tickets of models that are asked go first, one each; then all in order, as far as ramps and paces let them. */
function inTurn(
  gate: GateState,
  places: Places,
  load: QueueLoad,
  count: number,
  nowMs: number,
): readonly Place[] {
  const open = openFor(gate, places, nowMs);
  const blocked = [...pausesOf(gate, places, nowMs), ...open];
  const special = specialModels(gate, nowMs);
  const query = { nowMs, only: null, forProbe: false };
  const isOpenForSome = isDivided(gate);
  const suspects =
    load.suspectsInFlight > 0
      ? []
      : places
          .ready({ ...query, blocked, suspect: true, limit: isOpenForSome ? mostTied : 1 })
          .filter((place) => !isOpenForSome || isClosedForTicket(gate, place))
          .slice(0, 1);
  const free = places.ready({
    ...query,
    blocked: [...special.map((model) => ({ model, untilMs: Infinity })), ...open],
    suspect: false,
    limit: count,
  });
  const asking: Place[] = [];
  const others: Place[] = [...suspects, ...free];
  for (const model of special) {
    const pause = pauseOf(gate.holds, model, nowMs);
    if (isBlocked({ model, tenant: anyTenant }, blocked)) continue;
    // A suspect that goes is one of them; where one asks at a time, it is that one.
    const suspected = suspects.filter((place) => place.model === model).length;
    if (pause !== undefined && isAsked(pause)) {
      if (suspected === 0) asking.push(...firstOf(pause, places, blocked, nowMs));
    } else {
      // While it keeps one tenant back alone, those whom it spares go as if there were none.
      const ramp = pause !== undefined && isPaused(pause, nowMs) ? undefined : pause;
      const room = ramp === undefined ? count : Math.min(count, roomOf(ramp, places) - suspected);
      others.push(...ofModel(gate, ramp, model, places, blocked, room, nowMs));
    }
  }
  return [...asking, ...others.toSorted(byTurn)];
}

/** No hash is empty or has this letter: it stands for a tenant that nothing of its own blocks. */
const anyTenant = "-";

/** Those with a pause, a ramp or a pace. */
function specialModels({ holds: pauses, paces }: GateState, nowMs: number): readonly string[] {
  const models = presentPauses(pauses, nowMs).map(({ model }) => model);
  for (const { model } of paces) if (!models.includes(model)) models.push(model);
  return models;
}

/** What may not be sent now, and until when, beside what stops all. */
export function blocksOf(
  gate: GateState,
  places: Places,
  nowMs: number,
  limits: GateLimits,
): readonly Block[] {
  return [
    ...pausesOf(gate, places, nowMs),
    ...openFor(gate, places, nowMs),
    ...beyondRamp(gate, places, nowMs, limits),
  ];
}

/** For whom the breaker is as if closed, while the ramp lets no more of them start: who probes for the one it is open for is beside the ramp. */
function beyondRamp(gate: GateState, places: Places, nowMs: number, limits: GateLimits): readonly Block[] {
  if (!isDivided(gate) || places.load().inFlight < mostInFlight(gate, { kind: "free" }, limits)) return [];
  return places
    .groups(nowMs, null)
    .filter((group) => isClosedForTicket(gate, group))
    .map(({ model, tenant }) => ({ model, tenant, untilMs: Infinity }));
}

function pausesOf(gate: GateState, places: Places, nowMs: number): readonly Block[] {
  const blocks: Block[] = [];
  for (const pause of presentPauses(gate.holds, nowMs)) {
    const { model } = pause;
    if (isAsked(pause)) {
      const turn = modelTurn(pause, nowMs);
      if (turn.kind === "wait") blocks.push({ ...pausedIn(pause, nowMs), untilMs: turn.untilMs });
    } else if (isPaused(pause, nowMs)) blocks.push({ ...pausedIn(pause, nowMs), untilMs: pause.untilMs });
    else if (roomOf(pause, places) <= 0) blocks.push({ model, untilMs: Infinity });
  }
  for (const { model, tenant, nextAtMs } of gate.paces) {
    if (nextAtMs > nowMs) blocks.push({ model, tenant, untilMs: nextAtMs });
  }
  return blocks;
}

/** For whom the breaker is open, while it is as if closed for others. The one of them that probes is found without these. */
function openFor(gate: GateState, places: Places, nowMs: number): readonly Block[] {
  if (!isDivided(gate)) return [];
  const turn = breakerTurn(gate.breaker, nowMs);
  const untilMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  return places
    .groups(nowMs, null)
    .filter((group) => !isClosedForTicket(gate, group))
    .map(({ model, tenant }) => ({ model, tenant, untilMs }));
}

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

/** Of a model with a ramp, or with tenants that have a pace: of each of these one at a time. @param room for so many */
function ofModel(
  gate: GateState,
  pause: ModelPause | undefined,
  model: string,
  places: Places,
  blocked: readonly Block[],
  room: number,
  nowMs: number,
): readonly Place[] {
  if (room <= 0) return [];
  if (pause !== undefined && (pause.ramp ?? rampStart).allowed === 1) {
    return firstOf(pause, places, blocked, nowMs).slice(0, room);
  }
  const query = { nowMs, suspect: false, forProbe: false };
  const paces = gate.paces.filter((pace) => pace.model === model);
  const unpaced = places.ready({
    ...query,
    blocked: [...blocked, ...paces.map(({ tenant }) => ({ model, tenant, untilMs: Infinity }))],
    only: { model, tenant: null },
    limit: room,
  });
  const nextPaced = paces
    .filter(({ nextAtMs }) => nextAtMs <= nowMs)
    .flatMap(({ tenant }) => places.ready({ ...query, blocked, only: { model, tenant }, limit: 1 }));
  return [...unpaced, ...nextPaced].toSorted(byTurn).slice(0, room);
}

/**
 * The first after a refusal: another comparison's than the one that was refused, of another tenant where one waits. Two tenants may have asked
 * the same.
 */
function firstOf(
  pause: ModelPause,
  places: Places,
  blocked: readonly Block[],
  nowMs: number,
): readonly Place[] {
  const groups = places.groups(nowMs, pause.model).filter((group) => !isBlocked(group, blocked));
  const firstIn = (among: readonly Group[]) =>
    among
      .slice(0, mostTied)
      .flatMap((only) =>
        places.ready({ nowMs, blocked, only, suspect: false, forProbe: true, limit: mostEqual }),
      )
      .toSorted(byProbeTurn);
  const isAnothers = ({ comparison }: Place) => comparison !== pause.comparison;
  const ofOthers = firstIn(groups.filter(({ tenant }) => tenant !== pause.tenant));
  const ofAnother = ofOthers.find(isAnothers);
  if (ofAnother !== undefined) return [ofAnother];
  const inOrder = [...firstIn(groups.filter(({ tenant }) => tenant === pause.tenant)), ...ofOthers];
  const first = inOrder.find(isAnothers) ?? inOrder[0];
  return first === undefined ? [] : [first];
}

/** What the table says about moments to come: see `Places`. */
export interface Due {
  readonly firstLapseMs: number | null;
  readonly firstReadyMs: number | null;
  readonly firstHeardMs: number | null;
}

/** When the gate must look again by itself, after it has dispatched; `null`: never, for nobody waits and nothing lapses. */
export function wakeAtMs(
  gate: GateState,
  due: Due,
  load: QueueLoad,
  nowMs: number,
  limits: GateLimits,
): number | null {
  const turn: Turn = isDivided(gate) ? { kind: "free" } : queueTurn(gate, nowMs);
  const most = isDivided(gate) ? limits.concurrency : mostInFlight(gate, turn, limits);
  const hasPermit = load.inFlight < most;
  const opensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  // No list with gaps: Lua, to which this is compiled too, would not know its end.
  const firstMs = Math.min(
    due.firstLapseMs ?? Infinity,
    due.firstReadyMs === null || !hasPermit ? Infinity : Math.max(due.firstReadyMs, opensAtMs),
    due.firstHeardMs === null ? Infinity : due.firstHeardMs + silenceMs,
  );
  return firstMs === Infinity ? null : firstMs;
}
