/** How others fare, as the contract says it (*Answered*): kept once more from what a gate has heard. */
import type { CallFacts, Finding, Others } from "../../../src/domain/gate/call-report.ts";

/** One model's calls, the newest last. */
interface ModelHistory {
  /** Answers, and what they answered. */
  readonly answers: readonly { readonly comparison: string; readonly atMs: number }[];
  readonly judgedAtMs: number | null;
  /** Of the last twenty: was it a fault? */
  readonly faults: readonly boolean[];
}

export interface OthersKnown {
  readonly models: ReadonlyMap<string, ModelHistory>;
  /** Answers to tickets. */
  readonly cleanEnds: readonly { readonly comparison: string; readonly atMs: number }[];
}

export const nothingKnown: OthersKnown = { models: new Map(), cleanEnds: [] };

const mostAnswers = 60;
const dayMs = 86_400_000;
const none: ModelHistory = { answers: [], judgedAtMs: null, faults: [] };

/** @param atMs when it was reported, by the gate's clock */
export function withCall(known: OthersKnown, finding: Finding, call: CallFacts, atMs: number): OthersKnown {
  if (finding.kind !== "healthy" && finding.kind !== "fault") return known;
  const { model, comparison } = call;
  const before = known.models.get(model) ?? none;
  const faults = [...before.faults, finding.kind === "fault"].slice(-20);
  const models = new Map(known.models);
  if (finding.kind === "fault") {
    models.set(model, { ...before, faults });
    return { ...known, models };
  }
  const judgedAtMs = finding.judged === true ? Math.max(atMs, before.judgedAtMs ?? 0) : before.judgedAtMs;
  const answers = [...before.answers, { comparison, atMs }].slice(-mostAnswers);
  models.set(model, { answers, judgedAtMs, faults });
  const isTicket = call.ticket !== undefined;
  return {
    models,
    cleanEnds: isTicket ? [...known.cleanEnds, { comparison, atMs }].slice(-mostAnswers) : known.cleanEnds,
  };
}

/** Has any model answered another comparison since? */
export function isAnyServed({ models }: OthersKnown, { comparison }: CallFacts, sinceMs: number): boolean {
  return [...models.values()].some(({ answers }) =>
    answers.some((one) => one.comparison !== comparison && one.atMs > sinceMs),
  );
}

/** @param atMs when it was reported, by the gate's clock */
export function othersAsTo(
  known: OthersKnown,
  call: CallFacts,
  atMs: number,
  nowMs: number,
): Omit<Others, "held"> {
  const { comparison, model, beforeAgoMs, ticket } = call;
  const { answers, judgedAtMs, faults } = known.models.get(model) ?? none;
  const isAnothers = (one: { readonly comparison: string }) => one.comparison !== comparison;
  const firstAtMs = atMs - (ticket?.unreadableAgoMs ?? beforeAgoMs);
  const thrownAtMs = ticket === undefined || ticket.thrownAgoMs === null ? null : atMs - ticket.thrownAgoMs;
  const isJudgedSince = judgedAtMs !== null && judgedAtMs > firstAtMs;
  const isJudgedToday = judgedAtMs !== null && judgedAtMs > nowMs - dayMs;
  return {
    served: answers.some((one) => isAnothers(one) && one.atMs > atMs - beforeAgoMs),
    mostlyFaults: faults.filter(Boolean).length * 2 >= Math.max(1, faults.length),
    judged: isJudgedSince ? "since" : isJudgedToday ? "before" : "not_for_a_day",
    cleanEnd: thrownAtMs !== null && known.cleanEnds.some((one) => isAnothers(one) && one.atMs > thrownAtMs),
  };
}
