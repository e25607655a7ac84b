/** The calls that a gate has heard of, and how a provider looks by them without the one who had most of the faults. */
import type { Sight } from "../../../src/domain/gate/parties.ts";

/** One that was answered, or was the provider's fault. */
export interface Heard {
  readonly atMs: number;
  readonly tenant: string;
  readonly model: string;
  readonly isFault: boolean;
}

/** The last ten seconds, in steps of one for all calls and of two for whose they were. */
const longMs = 10_000;
const fewestCalls = 20;
/** So many are remembered. */
const mostHeard = 120;
/** So many parties a gate tells apart. */
const mostParties = 6;

export function withHeard(calls: readonly Heard[], heard: Heard): readonly Heard[] {
  return [...calls, heard].slice(-mostHeard);
}

export interface Verdict {
  /** However what is equal is taken. */
  readonly must: boolean;
  readonly may: boolean;
}

/**
 * Does the breaker open? "Faults are counted with the tenant and the model that had most of them in the last 10 s left out, each by itself,
 * wherever calls of others remain; where nothing remains (one tenant, one model) all count."
 */
export function opens(calls: readonly Heard[], threshold: number, nowMs: number): Verdict {
  const verdicts = (["tenant", "model"] as const).map((of) => {
    const sights = sightsWithoutWorst(calls, of, nowMs).map((sight) => meetsRule(sight, threshold));
    return { must: sights.every(Boolean), may: sights.some(Boolean) };
  });
  return { must: verdicts.every(({ must }) => must), may: verdicts.every(({ may }) => may) };
}

/** Do others than the tenant that had most of the faults meet the rule by themselves? */
export function areOthersIll(calls: readonly Heard[], threshold: number, nowMs: number): Verdict {
  const sights = worstIn(calls, "tenant", nowMs).map((worst) => {
    const others = calls.filter(({ tenant }) => tenant !== worst);
    return recent(others, 2_000, nowMs).length > 0 && meetsRule(sightOf(others, 2_000, nowMs), threshold);
  });
  const isTold = partiesIn(calls, "tenant") <= mostParties;
  return { must: isTold && sights.length > 0 && sights.every(Boolean), may: !isTold || sights.some(Boolean) };
}

/** The one who alone has called lately; `null`: there are others. */
export function onlyIn(calls: readonly Heard[], of: "tenant" | "model", nowMs: number): string | null {
  const names = new Set(recent(calls, 2_000, nowMs).map((call) => call[of]));
  const [name = null] = names;
  return names.size === 1 ? name : null;
}

/** "A model whose own calls meet the rule while another model is served is held alone." */
export function isIllAlone(
  calls: readonly Heard[],
  model: string,
  threshold: number,
  nowMs: number,
): Verdict {
  const own = calls.filter((call) => call.model === model);
  const isAnotherServed = recent(calls, 2_000, nowMs).some((call) => call.model !== model && !call.isFault);
  const is = meetsRule(sightOf(own, 2_000, nowMs), threshold) && isAnotherServed;
  // One who is not told apart is not known to be ill.
  const isTold = partiesIn(calls, "model") <= mostParties;
  return { must: is && isTold, may: is };
}

/** Do one tenant's calls meet the rule by themselves? */
export function isIllHimself(
  calls: readonly Heard[],
  tenant: string,
  threshold: number,
  nowMs: number,
): Verdict {
  const own = calls.filter((call) => call.tenant === tenant);
  const is = meetsRule(sightOf(own, 2_000, nowMs), threshold);
  return { must: is && partiesIn(calls, "tenant") <= mostParties, may: is };
}

function sightsWithoutWorst(
  calls: readonly Heard[],
  of: "tenant" | "model",
  nowMs: number,
): readonly Sight[] {
  const all = sightOf(calls, 1_000, nowMs);
  const worst = worstIn(calls, of, nowMs);
  // "Where nothing remains all count" that the last caller has done: not what others had before.
  const last = calls.at(-1)?.[of] ?? "";
  const own =
    last === ""
      ? all
      : sightOf(
          calls.filter((call) => call[of] === last),
          2_000,
          nowMs,
        );
  if (worst.length === 0) return [own];
  const sights = worst.map((name) => {
    const others = calls.filter((call) => call[of] !== name);
    return recent(others, 2_000, nowMs).length > 0 ? sightOf(others, 2_000, nowMs) : own;
  });
  return partiesIn(calls, of) > mostParties ? [...sights, all, nothing] : sights;
}

/** More than one where they have equally many. */
function worstIn(calls: readonly Heard[], of: "tenant" | "model", nowMs: number): readonly string[] {
  const faults = new Map<string, number>();
  for (const call of recent(calls, 2_000, nowMs))
    if (call.isFault && call[of] !== "") faults.set(call[of], (faults.get(call[of]) ?? 0) + 1);
  const most = Math.max(0, ...faults.values());
  return [...faults].filter(([, count]) => count === most).map(([name]) => name);
}

const nothing: Sight = { calls: 0, faults: 0, faultsInRow: 0 };

function sightOf(calls: readonly Heard[], stepMs: number, nowMs: number): Sight {
  const lately = recent(calls, stepMs, nowMs);
  const lastAnswer = calls.findLastIndex(({ isFault }) => !isFault);
  return {
    calls: lately.length,
    faults: lately.filter(({ isFault }) => isFault).length,
    faultsInRow: calls.length - 1 - lastAnswer,
  };
}

function meetsRule({ calls, faults, faultsInRow }: Sight, threshold: number): boolean {
  return faultsInRow >= threshold || (calls >= fewestCalls && faults * 2 >= calls);
}

function recent(calls: readonly Heard[], stepMs: number, nowMs: number): readonly Heard[] {
  const step = Math.floor(nowMs / stepMs);
  return calls.filter(({ atMs }) => Math.floor(atMs / stepMs) > step - longMs / stepMs);
}

function partiesIn(calls: readonly Heard[], of: "tenant" | "model"): number {
  return new Set(calls.map((call) => call[of])).size;
}
