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
 * Where one tenant or one model alone had called, or was the last to probe in vain, it opens for that one alone: nobody knows yet whether it is the
 * provider. Calls of others go on, and say so: an answer closes it, enough faults open it for all.
 *
 * While it isn't closed only the answers of the probe and of these count: late answers of calls from before say nothing about now. Those that arrive after
 * it has closed again are known by their epoch, which grows with every opening.
 */
import { countParty, noParties, sightWithoutWorst, type Parties, type Sight } from "./parties.ts";
import { leasedTurn, type Lease, type Turn } from "./turn.ts";
import { countCall, noCalls, sumCalls, type Bucket, type Window } from "./window.ts";

export type Breaker =
  | {
      readonly state: "closed";
      readonly epoch: number;
      /** Without a success between them. */
      readonly faultsInRow: number;
      /** Empty. Older code counts calls in this list, and must find one: see `older-gates.ts`. */
      readonly window: readonly Bucket[];
      /** Calls of the last ten seconds, and whose they were. Absent: written by older code, or nobody has called yet. */
      readonly lately?: Window;
      readonly byTenant?: Parties;
      readonly byModel?: Parties;
    }
  | {
      readonly state: "open";
      readonly epoch: number;
      /** From here on a probe may go. Nobody has taken the turn yet. */
      readonly probeFromMs: number;
      /** In a row. Below zero after a good probe: that many may fail before the time is doubled again. */
      readonly failedProbes: number;
      readonly blame?: Blame;
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
      /** The probe is one that the blame spares. */
      readonly isSpared?: true;
    };

/** Whose faults alone have opened it, or keep it open. A call of another tenant, or of another model, is spared. */
export interface Blame {
  /** Absent: more than one's. */
  readonly tenant?: Blamed;
  readonly model?: Blamed;
}

interface Blamed {
  readonly name: string;
  /** So many faults of others it takes until they wait too, at least 1. The last one's calls go one at a time. */
  readonly credit: number;
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

export interface News {
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

/** As `breakerTurn`, for one caller. One that is spared waits for no time and for no probe but that of another who is. */
export function turnOf(breaker: Breaker, whose: Whose, nowMs: number): Turn {
  const credit = breaker.state === "closed" ? 0 : creditOf(breaker.blame, whose);
  if (credit === 0) return breakerTurn(breaker, nowMs);
  if (credit > 1) return { kind: "free" };
  return breaker.state === "half_open" && breaker.isSpared === true
    ? leasedTurn(breaker.probe, nowMs)
    : { kind: "one" };
}

/** So many faults of such calls are borne; 0: they are not spared. */
export function creditOf(blame: Blame | undefined, { tenant, model }: Whose): number {
  return Math.max(creditIn(blame?.tenant, tenant === "" ? null : tenant), creditIn(blame?.model, model));
}

/** @param name `null`: not known, so it may be the same */
function creditIn(blamed: Blamed | undefined, name: string | null): number {
  return blamed === undefined || name === null || name === blamed.name ? 0 : blamed.credit;
}

/** Gives the turn to a probe, whoever has it now: ask `turnOf` first. A closed breaker has no probes. */
export function takeProbe(breaker: Breaker, probe: Lease, whose: Whose): Breaker {
  switch (breaker.state) {
    case "closed":
      return breaker;
    case "open":
    case "half_open": {
      const { epoch, failedProbes, blame } = breaker;
      return {
        state: "half_open",
        epoch,
        probe,
        goodProbes: breaker.state === "open" ? 0 : breaker.goodProbes,
        failedProbes,
        ...(blame === undefined ? {} : { blame }),
        ...(creditOf(blame, whose) > 0 ? { isSpared: true } : {}),
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
export function recordNews(
  breaker: Breaker,
  news: News,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  switch (breaker.state) {
    case "closed": {
      const isLate = news.epoch !== null && news.epoch !== breaker.epoch;
      if (isLate || news.health === "nothing") return breaker;
      const isFault = news.health === "fault";
      const closed: Closed = {
        state: "closed",
        epoch: breaker.epoch,
        window: breaker.window,
        faultsInRow: isFault ? breaker.faultsInRow + 1 : 0,
        lately: countCall(breaker.lately ?? noCalls, isFault, nowMs),
        byTenant: countParty(breaker.byTenant ?? noParties, news.by?.tenant ?? "", isFault, nowMs),
        byModel: countParty(breaker.byModel ?? noParties, news.by?.model ?? "", isFault, nowMs),
      };
      if (!isIll(closed, nowMs, limits)) return closed;
      const failedProbes = closed.faultsInRow < limits.failureThreshold ? -forgivenProbes : 0;
      const blame = blaming(undefined, news.by, limits.failureThreshold, {
        tenant: isAlone(closed.byTenant, nowMs),
        model: isAlone(closed.byModel, nowMs),
      });
      return opened(breaker.epoch + 1, failedProbes, blame, nowMs, limits, random);
    }
    case "open":
      return spoken(breaker, news, nowMs, limits, random);
    case "half_open": {
      const after = spoken(breaker, news, nowMs, limits, random);
      if (after.state !== "half_open" || !isProbe(after, news.permit)) return after;
      const { isSpared: ofSpared = false, ...free } = { ...after, probe: null };
      switch (news.health) {
        case "nothing":
          return free;
        case "fault": {
          // Who probes in vain says nothing of others: one of these may try, and if that is in vain too, all wait.
          const blame = ofSpared ? after.blame : blaming(after.blame, news.by, 1, both);
          const failedProbes = after.failedProbes + (ofSpared ? 0 : 1);
          return opened(after.epoch, failedProbes, blame, nowMs, limits, random);
        }
        case "healthy": {
          const goodProbes = after.goodProbes + 1;
          return goodProbes < limits.successThreshold
            ? { ...free, goodProbes, failedProbes: -forgivenProbes }
            : { ...closedBreaker, epoch: after.epoch };
        }
      }
    }
  }
}

/** What a call that was spared says of a breaker that is not closed: an answer closes it, and is the first that is counted then. */
function spoken(
  breaker: Exclude<Breaker, { state: "closed" }>,
  news: News,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  const { blame, ...all } = breaker;
  const isLate = news.epoch !== null && news.epoch !== breaker.epoch;
  if (news.by === undefined || isLate || creditOf(blame, news.by) === 0) return breaker;
  switch (news.health) {
    case "nothing":
      return breaker;
    case "fault":
      return {
        ...all,
        ...blameOf(
          lessOf(blame?.tenant, news.by.tenant === "" ? null : news.by.tenant),
          lessOf(blame?.model, news.by.model),
        ),
      };
    case "healthy":
      return recordNews({ ...closedBreaker, epoch: breaker.epoch }, news, nowMs, limits, random);
  }
}

/** Has nobody but one called within the last ten seconds? */
function isAlone(parties: Parties, nowMs: number): boolean {
  return sightWithoutWorst(parties, nowMs) === null;
}

const both = { tenant: true, model: true };

/**
 * With whoever is not blamed yet.
 *
 * @param by absent: nobody knows whose call it was
 * @param whom may be blamed
 */
function blaming(
  blame: Blame | undefined,
  by: Whose | undefined,
  credit: number,
  whom: { readonly tenant: boolean; readonly model: boolean },
): Blame | undefined {
  if (by === undefined) return blame;
  const { tenant, model } = by;
  return blameOf(
    blame?.tenant ?? (whom.tenant && tenant !== "" ? { name: tenant, credit } : undefined),
    blame?.model ?? (whom.model ? { name: model, credit } : undefined),
  ).blame;
}

function blameOf(tenant: Blamed | undefined, model: Blamed | undefined): { readonly blame?: Blame } {
  if (tenant === undefined && model === undefined) return {};
  return {
    blame: { ...(tenant === undefined ? {} : { tenant }), ...(model === undefined ? {} : { model }) },
  };
}

/** After a fault of `name`; `null`: not known whose. */
function lessOf(blamed: Blamed | undefined, name: string | null): Blamed | undefined {
  if (blamed === undefined || creditIn(blamed, name) === 0) return blamed;
  return blamed.credit > 1 ? { name: blamed.name, credit: blamed.credit - 1 } : undefined;
}

type Closed = Required<Extract<Breaker, { state: "closed" }>>;

function isIll(closed: Closed, nowMs: number, limits: BreakerLimits): boolean {
  const isIllFor = (parties: Parties) =>
    meetsRule(sightWithoutWorst(parties, nowMs) ?? sightOfAll(closed, nowMs), limits);
  return isIllFor(closed.byTenant) && isIllFor(closed.byModel);
}

function sightOfAll({ faultsInRow, lately }: Closed, nowMs: number): Sight {
  const { calls, faults } = sumCalls(lately, nowMs);
  return { calls, faults, faultsInRow };
}

/** Enough faults in a row, or half of enough calls within ten seconds. */
export function meetsRule(
  { calls, faults, faultsInRow }: Sight,
  { failureThreshold }: BreakerLimits,
): boolean {
  return faultsInRow >= failureThreshold || (calls >= fewestCalls && faults * 2 >= calls);
}

function opened(
  epoch: number,
  failedProbes: number,
  blame: Blame | undefined,
  nowMs: number,
  limits: BreakerLimits,
  random: number,
): Breaker {
  const probeFromMs = nowMs + openForMs(failedProbes, limits, random);
  return { state: "open", epoch, probeFromMs, failedProbes, ...(blame === undefined ? {} : { blame }) };
}

/** The doubled time with a tenth of jitter, less where it is not doubled: never less than the recovery time, never more than the longest. */
function openForMs(failedProbes: number, limits: BreakerLimits, random: number): number {
  const doubledMs = limits.recoveryMs * 2 ** Math.max(0, failedProbes);
  const share = failedProbes < 0 ? forgivenJitter : jitter;
  const longestMs = Math.max(limits.recoveryMs, Math.min(doubledMs * (1 + share), limits.maxOpenMs));
  const shortestMs = Math.max(limits.recoveryMs, longestMs / (1 + share));
  return Math.round(shortestMs + random * (longestMs - shortestMs));
}
