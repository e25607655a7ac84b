/** What a set's calls came to beside their verdicts. */
import type { JudgedCall } from "./evidence.ts";

export interface CostPart {
  /** In US dollars; `null` where the cost of a call is not known. */
  readonly total: number | null;
  /** Of the calls whose cost is known. */
  readonly known: number;
  readonly unknown_cost_calls: number;
  readonly per_judgement: number | null;
  readonly per_essay: number | null;
  readonly calls: number;
}

export function costOfCallsIn(calls: readonly JudgedCall[], essays: number): CostPart {
  const known = calls.reduce((sum, { costEstimate }) => sum + (costEstimate ?? 0), 0);
  const unknown = calls.filter(({ costEstimate }) => costEstimate === null).length;
  const judged = calls.filter(({ winner }) => winner !== null).length;
  const total = unknown === 0 ? known : null;
  return {
    total,
    known,
    unknown_cost_calls: unknown,
    per_judgement: total === null || judged === 0 ? null : total / judged,
    per_essay: total === null || essays === 0 ? null : total / essays,
    calls: calls.length,
  };
}

/** Calls without a verdict, by why. */
export function failuresIn(calls: readonly JudgedCall[]): Readonly<Record<string, number>> {
  const failures = new Map<string, number>();
  for (const { winner, errorType } of calls) {
    if (winner !== null) continue;
    const type = errorType ?? "UNKNOWN";
    failures.set(type, (failures.get(type) ?? 0) + 1);
  }
  return Object.fromEntries([...failures].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

export interface ModelPart {
  readonly judge: string;
  readonly model: string | null;
  readonly judgements: number;
}

/** Which models gave the verdicts, judge by judge. */
export function modelsIn(calls: readonly JudgedCall[]): readonly ModelPart[] {
  const models = new Map<string, ModelPart>();
  for (const { judge, model, winner } of calls) {
    if (winner === null) continue;
    const key = JSON.stringify([judge, model]);
    models.set(key, { judge, model, judgements: (models.get(key)?.judgements ?? 0) + 1 });
  }
  return [...models.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, part]) => part);
}
