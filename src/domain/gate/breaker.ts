/**
 * The circuit breaker of one provider, as data that survives JSON.
 *
 *            THRESHOLD faults in a row, or half
 *            of 20 calls and more in 10 s
 *   closed ------------------------------------> open <-----------+
 *     ^                                           |               |
 *     |                 its time is over, and     |               | the probe is a fault:
 *     |                 somebody takes the turn   v               | twice the time
 *     +---------------------------------------- half-open --------+
 *       enough good probes in a row              |      ^
 *                                                +------+ a good probe, but not enough; one that told nothing;
 *                                                         a prober that died: the turn is given away
 *
 * Faults count with the tenant and the model that had most of them left out, each by itself, as long as others called (`parties.ts`): what is wrong
 * with one text, tenant or model is not wrong with the provider.
 *
 * Where one tenant or one model alone had called lately, nobody knows whether it is the provider, and the breaker opens for that one alone. For the
 * others it is as if it were closed, with counts of their own: where these meet the rule too, it opens for all, or for what both have in common.
 * Where it is open for all and a probe fails, only the prober has shown that it is ill: a live call of another may be the next probe, at any time.
 *
 * While it isn't closed late answers of calls from before say nothing about now. Those that arrive after it has closed again are known by their
 * epoch, which grows with every opening.
 */
import { countParty, noParties, sightOfOne, sightWithoutWorst, type Parties, type Sight } from "./parties.ts";
import { leasedTurn, type Lease, type Turn } from "./turn.ts";
import { countCall, noCalls, sumCalls, type Bucket, type Window } from "./window.ts";

export type Breaker =
  | (Counts & {
      readonly state: "closed";
      readonly epoch: number;
      /** Empty. Older code counts calls in this list, and must find one: see `older-gates.ts`. */
      readonly window: readonly Bucket[];
    })
  | {
      readonly state: "open";
      readonly epoch: number;
      /** From here on a probe may go. Nobody has taken the turn yet. */
      readonly probeFromMs: number;
      /** In a row. Below zero after a good probe: that many may fail before the time is doubled again. */
      readonly failedProbes: number;
      readonly blame?: Blame;
      readonly others?: Counts;
      readonly doubt?: Blame;
    }
  | {
      readonly state: "half_open";
      readonly epoch: number;
      /** `null`: the turn is free. */
      readonly probe: Lease | null;
      /** In a row. */
      readonly goodProbes: number;
      readonly failedProbes: number;
      readonly blame?: Blame;
      readonly others?: Counts;
      readonly doubt?: Blame;
      /** The probe is a call of another's that did not wait for the time. */
      readonly isEarly?: true;
    };

/** Calls that were let through as if it were closed. */
export interface Counts {
  /** Without a success between them. */
  readonly faultsInRow: number;
  /** Calls of the last ten seconds, and whose they were. Absent: written by older code, or nobody has called yet. */
  readonly lately?: Window;
  readonly byTenant?: Parties;
  readonly byModel?: Parties;
}

/**
 * Whose faults alone have opened it (`blame`: then `others` counts the others' calls), or who was the last to probe in vain (`doubt`). A call of
 * another tenant, or of another model, is another's.
 */
export interface Blame {
  /** Absent: not one's alone. Likewise the model. */
  readonly tenant?: string;
  readonly model?: string;
}

/** Who calls, or called. */
export interface Whose {
  /** `""`: not known. */
  readonly tenant: string;
  readonly model: string;
}

export interface BreakerLimits {
  /** Faults in a row that open it, at least 1. */
  readonly failureThreshold: number;
  /** Good probes in a row that close it, at least 1. */
  readonly successThreshold: number;
  /** How long it stays open the first time, in milliseconds. */
  readonly recoveryMs: number;
  /** The longest that it ever stays open, in milliseconds. */
  readonly maxOpenMs: number;
}

/** What a call said about the provider's health. `nothing`: it was not made, or says nothing either way. */
export type Health = "healthy" | "fault" | "nothing";

export interface HealthReport {
  readonly permit: string | null;
  /** `null`: not known, taken for the present one. */
  readonly epoch: number | null;
  readonly health: Health;
  /** Whose call it was; absent: not known. */
  readonly by?: Whose | undefined;
}

const fewestCalls = 20;
const jitter = 0.1;
/**
 * So many probes may fail that the time is not doubled, after a good one, and where the breaker opened though some calls were answered: a door
 * that a third get through is open for a third, and drains at that rate instead of a call a minute.
 */
const forgivenProbes = 3;
/** Of the time that is not doubled. */
const forgivenJitter = 0.02;

export const closedBreaker: Breaker = { state: "closed", epoch: 0, faultsInRow: 0, window: [] };

/** The state to show: an open one whose time is over is half-open, though nobody has taken the turn yet. */
export function breakerState(breaker: Breaker, nowMs: number): Breaker["state"] {
  return breaker.state === "open" && nowMs >= breaker.probeFromMs ? "half_open" : breaker.state;
}

/** Who may call now: anybody, one (the probe, see `takeProbe`), or nobody until a moment. */
export function breakerTurn(breaker: Breaker, nowMs: number): Turn {
  switch (breaker.state) {
    case "closed":
      return { kind: "free" };
    case "open":
      return nowMs < breaker.probeFromMs ? { kind: "wait", untilMs: breaker.probeFromMs } : { kind: "one" };
    case "half_open":
      return leasedTurn(breaker.probe, nowMs);
  }
}

/** As `breakerTurn`, for one live call: it may be the next probe before its time. */
export function turnOf(breaker: Breaker, whose: Whose, nowMs: number): Turn {
  if (isClosedFor(breaker, whose)) return { kind: "free" };
  if (breaker.state === "closed" || !isAnothers(breaker.doubt, whose)) return breakerTurn(breaker, nowMs);
  return breaker.state === "half_open" && breaker.isEarly === true
    ? leasedTurn(breaker.probe, nowMs)
    : { kind: "one" };
}

/** Is it closed, or as if it were, for this one? */
export function isClosedFor(breaker: Breaker, whose: Whose): boolean {
  return breaker.state === "closed" || (breaker.others !== undefined && isAnothers(breaker.blame, whose));
}

/** Is it known to be another's than the one who is blamed? */
export function isAnothers(blame: Blame | undefined, { tenant, model }: Whose): boolean {
  if (blame === undefined) return false;
  const isAnotherTenant = blame.tenant !== undefined && tenant !== "" && tenant !== blame.tenant;
  return isAnotherTenant || (blame.model !== undefined && model !== blame.model);
}

/** Gives the turn to a probe, whoever has it now: ask `turnOf` first. A closed breaker has no probes. */
export function takeProbe(breaker: Breaker, probe: Lease, isEarly = false): Breaker {
  switch (breaker.state) {
    case "closed":
      return breaker;
    case "open":
    case "half_open": {
      const { epoch, failedProbes, blame, others, doubt } = breaker;
      return {
        state: "half_open",
        epoch,
        probe,
        goodProbes: breaker.state === "open" ? 0 : breaker.goodProbes,
        failedProbes,
        ...(blame === undefined ? {} : { blame }),
        ...(others === undefined ? {} : { others }),
        ...(doubt === undefined ? {} : { doubt }),
        ...(isEarly ? { isEarly: true } : {}),
      };
    }
  }
}

/** Is this the permit of the present probe? Also after its lease ended, as long as nobody else has the turn. */
export function isProbe(breaker: Breaker, permit: string | null): boolean {
  return permit !== null && breaker.state === "half_open" && breaker.probe?.permit === permit;
}

/**
 * Takes in how a call went. The probe's permit counts once; a second report of it changes nothing.
 *
 * @param random uniform in [0, 1)
 */
export function recordHealth(
  breaker: Breaker,
  health: HealthReport,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  const isLate = health.epoch !== null && health.epoch !== breaker.epoch;
  switch (breaker.state) {
    case "closed": {
      if (isLate || health.health === "nothing") return breaker;
      const { state, epoch, window } = breaker;
      const counts = counted(breaker, health, nowMs);
      if (!isIll(counts, health.by, nowMs, limits)) {
        // Field by field: in Redis, where this is most of what a good answer costs, a spread takes three times as long.
        const { faultsInRow, lately, byTenant, byModel } = counts;
        return { state, epoch, window, faultsInRow, lately, byTenant, byModel };
      }
      const failedProbes = counts.faultsInRow < limits.failureThreshold ? -forgivenProbes : 0;
      const blame = blameOf(onlyOf(counts, health.by, nowMs));
      const openness = blame === undefined ? {} : { blame, others: none };
      return opened(epoch + 1, failedProbes, openness, nowMs, limits, random);
    }
    case "open":
    case "half_open": {
      if (isProbe(breaker, health.permit)) return afterProbe(breaker, health, nowMs, limits, random);
      const { blame, others } = breaker;
      const isOthers = others !== undefined && health.by !== undefined && isAnothers(blame, health.by);
      if (!isOthers || isLate || health.health === "nothing") return breaker;
      const counts = counted(others, health, nowMs);
      if (!isIll(counts, health.by, nowMs, limits)) return { ...breaker, others: counts };
      // Open for what both have in common: the same model of two tenants, say.
      const only = onlyOf(counts, health.by, nowMs);
      const common = blameOf({
        ...(only.tenant !== undefined && only.tenant === blame?.tenant ? { tenant: only.tenant } : {}),
        ...(only.model !== undefined && only.model === blame?.model ? { model: only.model } : {}),
      });
      const openness = common === undefined ? {} : { blame: common, others: none };
      return opened(breaker.epoch + 1, 0, openness, nowMs, limits, random);
    }
  }
}

/** Do the two differ in nothing but what was counted of calls for which it is closed, or as if it were? */
export function isOnlyCounted(before: Breaker, after: Breaker): boolean {
  if (before.state === "closed" || after.state === "closed") return before.state === after.state;
  const isSameTurn =
    before.state === "open"
      ? after.state === "open" && before.probeFromMs === after.probeFromMs
      : after.state === "half_open" && before.probe === after.probe && before.goodProbes === after.goodProbes;
  return isSameTurn && before.blame === after.blame && before.doubt === after.doubt;
}

function afterProbe(
  breaker: Breaker,
  health: HealthReport,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  if (breaker.state !== "half_open") return breaker;
  const { isEarly = false, ...all } = breaker;
  const { epoch, failedProbes, blame, others, doubt } = all;
  switch (health.health) {
    case "nothing":
      return { ...all, probe: null };
    case "fault": {
      // Two have probed in vain: it is ill for all of them, until the next fails.
      const isSecond = health.by !== undefined && isAnothers(doubt, health.by);
      const next = isSecond || health.by === undefined ? undefined : blameOf(health.by);
      const openness = {
        ...(blame === undefined || others === undefined ? {} : { blame, others }),
        ...(next === undefined ? {} : { doubt: next }),
      };
      return opened(epoch, failedProbes + (isEarly ? 0 : 1), openness, nowMs, limits, random);
    }
    case "healthy": {
      const goodProbes = breaker.goodProbes + 1;
      return goodProbes < limits.successThreshold
        ? { ...all, probe: null, goodProbes, failedProbes: -forgivenProbes }
        : { ...closedBreaker, epoch, ...others };
    }
  }
}

const none: Counts = { faultsInRow: 0 };

function counted(
  { faultsInRow, lately, byTenant, byModel }: Counts,
  health: HealthReport,
  nowMs: number,
): FullCounts {
  const isFault = health.health === "fault";
  return {
    faultsInRow: isFault ? faultsInRow + 1 : 0,
    lately: countCall(lately ?? noCalls, isFault, nowMs),
    byTenant: countParty(byTenant ?? noParties, health.by?.tenant ?? "", isFault, nowMs),
    byModel: countParty(byModel ?? noParties, health.by?.model ?? "", isFault, nowMs),
  };
}

type FullCounts = Required<Counts>;

/** Who alone has called within the last ten seconds. @param by the last who did */
function onlyOf({ byTenant, byModel }: FullCounts, by: Whose | undefined, nowMs: number): Blame {
  if (by === undefined) return {};
  return {
    ...(isAlone(byTenant, nowMs) && by.tenant !== "" ? { tenant: by.tenant } : {}),
    ...(isAlone(byModel, nowMs) ? { model: by.model } : {}),
  };
}

function isAlone(parties: Parties, nowMs: number): boolean {
  return sightWithoutWorst(parties, nowMs) === null;
}

/** @returns `undefined`: nobody is to blame */
function blameOf({ tenant, model }: Blame): Blame | undefined {
  if ((tenant === undefined || tenant === "") && model === undefined) return undefined;
  return {
    ...(tenant === undefined || tenant === "" ? {} : { tenant }),
    ...(model === undefined ? {} : { model }),
  };
}

/** @param by the last who called: where nobody else did lately, that one's own faults count, and not what others had before */
function isIll(counts: FullCounts, by: Whose | undefined, nowMs: number, limits: BreakerLimits): boolean {
  const { byTenant, byModel, lately, faultsInRow } = counts;
  const isKnown = by !== undefined && by.tenant !== "";
  // Nobody has failed lately: the most frequent case by far.
  if (isKnown && faultsInRow === 0 && byTenant.ill.length === 0 && byModel.ill.length === 0) return false;
  const isIllFor = (parties: Parties, name: string) => {
    const others = sightWithoutWorst(parties, nowMs);
    if (others !== null) return meetsRule(others, limits);
    const { calls, faults } = sumCalls(lately, nowMs);
    return meetsRule(name === "" ? { calls, faults, faultsInRow } : sightOfOne(parties, name, nowMs), limits);
  };
  return isIllFor(byTenant, by?.tenant ?? "") && isIllFor(byModel, by?.model ?? "");
}

/** Enough faults in a row, or half of enough calls within ten seconds. */
export function meetsRule(
  { calls, faults, faultsInRow }: Sight,
  { failureThreshold }: BreakerLimits,
): boolean {
  return faultsInRow >= failureThreshold || (calls >= fewestCalls && faults * 2 >= calls);
}

/** For whom it is open. */
type Openness = Pick<Extract<Breaker, { state: "open" }>, "blame" | "others" | "doubt">;

function opened(
  epoch: number,
  failedProbes: number,
  openness: Openness,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  const probeFromMs = nowMs + openForMs(failedProbes, limits, random);
  return { state: "open", epoch, probeFromMs, failedProbes, ...openness };
}

/** The doubled time with a tenth of jitter, less where it is not doubled: never less than the recovery time, never more than the longest. */
function openForMs(failedProbes: number, limits: BreakerLimits, random: number): number {
  const doubledMs = limits.recoveryMs * 2 ** Math.max(0, failedProbes);
  const share = failedProbes < 0 ? forgivenJitter : jitter;
  const longestMs = Math.max(limits.recoveryMs, Math.min(doubledMs * (1 + share), limits.maxOpenMs));
  const shortestMs = Math.max(limits.recoveryMs, longestMs / (1 + share));
  return Math.round(shortestMs + random * (longestMs - shortestMs));
}
