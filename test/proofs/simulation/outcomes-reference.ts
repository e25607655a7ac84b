/** How calls went, and what is known of a gate then: breaker, holds and how others fare, as the contract says it. Pure. */
import type { Blame, Breaker } from "../../../src/domain/gate/breaker.ts";
import type { GateState, GateLimits } from "../../../src/domain/gate/gate.ts";
import type { Finding, Others, CallReport } from "../../../src/domain/gate/call-report.ts";
import { onlyIn, opens, withHeard, type Heard } from "./heard-calls.ts";
import { nothingHeld, type HoldsKnown } from "./held.ts";
import { afterOutcome } from "./holds-reference.ts";
import { isAnyServed, nothingKnown, othersAsTo, withCall, type OthersKnown } from "./others-reference.ts";

type State = Breaker["state"];

/** All that is followed. A value: a gate goes back to what it had stored. */
export interface Known {
  readonly state: State;
  /** Good probes in a row. */
  readonly good: number;
  /** Whose faults alone have opened it; `null`: nobody's. */
  readonly blame: Blame | null;
  /** Who was the last to probe in vain. */
  readonly doubt: Blame | null;
  /** It is open for whom is blamed, and closed for others. */
  readonly isDivided: boolean;
  /** Calls for which it was closed. */
  readonly heard: readonly Heard[];
  readonly holds: HoldsKnown;
  readonly others: OthersKnown;
  /** Batches that were counted. */
  readonly reports: ReadonlySet<string>;
}

export const unknown: Known = {
  state: "closed",
  good: 0,
  blame: null,
  doubt: null,
  isDivided: false,
  heard: [],
  holds: nothingHeld,
  others: nothingKnown,
  reports: new Set(),
};

/** A batch that is taken in, one outcome after another. */
interface Batch {
  readonly nowMs: number;
  readonly limits: GateLimits;
  /** The breaker's, as it is by now. */
  epoch: number;
  /** The breaker's state after all of them: where the contract leaves it open. */
  readonly theirs: Breaker;
  /** Who has which turn. */
  readonly turns: { probe: string | null; account: string | null; readonly models: Map<string, string> };
  /** The contract has left it open whether the breaker opens: two have as many faults. */
  isOpen: boolean;
}

const mostReports = 32;

/** What a gate was told, and how it was before and after. */
export interface ToldBatch {
  readonly reportId: string;
  readonly callReports: readonly CallReport[];
  readonly before: GateState;
  readonly after: GateState;
}

/** @returns `isOpen`: the contract leaves more than one way open */
export function afterBatch(
  known: Known,
  { reportId, callReports, before, after }: ToldBatch,
  limits: GateLimits,
  nowMs: number,
): { readonly known: Known; readonly isOpen: boolean } {
  const isPlain = callReports.every(({ finding }) => finding.kind === "healthy");
  if (!isPlain && known.reports.has(reportId)) return { known, isOpen: false };
  const { breaker, credentials, holds } = before;
  const asked = holds.flatMap(({ model, asker }) => (asker ? [[model, asker.permit] as const] : []));
  const batch: Batch = {
    nowMs,
    limits,
    epoch: breaker.epoch,
    theirs: after.breaker,
    turns: {
      probe: breaker.state === "half_open" ? (breaker.probe?.permit ?? null) : null,
      account: credentials?.asker?.permit ?? null,
      models: new Map(asked),
    },
    isOpen: false,
  };
  const reports = new Set([...known.reports, reportId].slice(-mostReports));
  let present: Known = { ...known, reports };
  for (const callReport of callReports) present = afterOne(present, callReport, batch);
  return { known: present, isOpen: batch.isOpen };
}

function afterOne(known: Known, callReport: CallReport, batch: Batch): Known {
  const { nowMs, turns } = batch;
  const { permit, call = null, ageMs = 0 } = callReport;
  const reportedAtMs = nowMs - ageMs;
  const others = call && othersAsTo(known.others, call, reportedAtMs, nowMs);
  const finding =
    callReport.unlessServed === true ? inDoubt(known, callReport, others, batch) : callReport.finding;
  const heard = afterWord(known, { ...callReport, finding }, batch);
  const asksModel = permit !== null && call !== null && turns.models.get(call.model) === permit;
  const asksAccount = permit !== null && turns.account === permit;
  const told = {
    finding,
    call,
    others,
    beganAtMs: call === null ? null : reportedAtMs - call.beganAgoMs,
    asksModel,
    asksAccount,
    isClosed: heard.state === "closed" || (heard.isDivided && call !== null && isAnothers(heard.blame, call)),
    heard: heard.heard,
  };
  for (const [model, asker] of turns.models) if (asker === permit) turns.models.delete(model);
  if (asksAccount) turns.account = null;
  return {
    ...heard,
    holds: afterOutcome(known.holds, told, batch.limits, nowMs),
    others: call === null ? known.others : withCall(known.others, finding, call, reportedAtMs),
  };
}

/** What only a sentence says "may turn fails-for-ever into waits", and holds nobody who is served. */
function inDoubt(
  known: Known,
  { finding, call, ageMs = 0 }: CallReport,
  others: Omit<Others, "held"> | null,
  { nowMs, limits }: Batch,
): Finding {
  if (others?.served === true || finding.kind === "rate_limited") return { kind: "nothing" };
  const sinceMs = nowMs - ageMs - limits.recoveryMs;
  const isServed = call !== undefined && isAnyServed(known.others, call, sinceMs);
  return isServed && finding.kind === "refused" ? { kind: "nothing" } : finding;
}

/** Its word to the breaker. */
function afterWord(known: Known, { permit, epoch, finding, call }: CallReport, batch: Batch): Known {
  const { limits, turns } = batch;
  const isTurn = permit !== null && permit === turns.probe;
  if (finding.kind !== "fault" && finding.kind !== "healthy") {
    if (isTurn) turns.probe = null;
    return known;
  }
  const isFault = finding.kind === "fault";
  switch (known.state) {
    case "closed": {
      if (epoch !== null && epoch !== batch.epoch) return known;
      return withCounted(known, call, isFault, batch, null);
    }
    case "open":
    case "half_open": {
      if (!isTurn) {
        const isItsEpoch = epoch === null || epoch === batch.epoch;
        const isOthers = known.isDivided && call !== undefined && isAnothers(known.blame, call);
        return isOthers && isItsEpoch ? withCounted(known, call, isFault, batch, known.blame) : known;
      }
      turns.probe = null;
      if (known.state === "open") return known;
      if (isFault) {
        const isSecond = call !== undefined && isAnothers(known.doubt, call);
        return { ...known, state: "open", doubt: isSecond || call === undefined ? null : blamed(call) };
      }
      return known.good + 1 < limits.successThreshold
        ? { ...known, good: known.good + 1 }
        : { ...known, ...closed, heard: known.isDivided ? known.heard : [] };
    }
  }
}

const closed = { state: "closed", blame: null, doubt: null, isDivided: false, good: 0 } as const;

/** @param blame for whom it is open already */
function withCounted(
  known: Known,
  call: CallReport["call"],
  isFault: boolean,
  batch: Batch,
  blame: Blame | null,
): Known {
  const { nowMs, limits, theirs } = batch;
  const { tenant = "", model = "" } = call ?? {};
  const heard = withHeard(known.heard, { atMs: nowMs, tenant, model, isFault });
  const { must, may } = opens(heard, limits.failureThreshold, nowMs);
  if (may !== must) batch.isOpen = true;
  const theirBlame = theirs.state === "closed" ? null : (theirs.blame ?? null);
  const haveTheirs =
    theirs.state !== "closed" && (blame === null || JSON.stringify(theirBlame) !== JSON.stringify(blame));
  if (!(must || (may && haveTheirs))) return { ...known, heard };
  batch.epoch++;
  const only = (of: "tenant" | "model") => {
    const name = call === undefined ? null : onlyIn(heard, of, nowMs);
    return blame === null || blame[of] === name ? name : null;
  };
  const onlyModel = only("model");
  const next = blamed({ tenant: only("tenant") ?? "", ...(onlyModel === null ? {} : { model: onlyModel }) });
  return {
    ...known,
    state: "open",
    good: 0,
    blame: next,
    doubt: null,
    isDivided: next !== null,
    heard: next === null ? heard : [],
  };
}

/** "What one tenant's requests cause holds only those requests": nor one model's another. */
export function isAnothers(
  blame: Blame | null,
  call: { readonly tenant: string; readonly model: string },
): boolean {
  return (["tenant", "model"] as const).some((of) => {
    const name = blame?.[of];
    return name !== undefined && call[of] !== name && (of === "model" || call[of] !== "");
  });
}

function blamed({ tenant, model }: { readonly tenant: string; readonly model?: string }): Blame | null {
  if (tenant === "" && model === undefined) return null;
  return { ...(tenant === "" ? {} : { tenant }), ...(model === undefined ? {} : { model }) };
}
