/**
 * What older code has stored of a gate is carried on. In Redis it may also write in turn with this code, for the time of a deploy: each then
 * takes along what it does not know, so that may be from before.
 */
import type { Breaker } from "./breaker.ts";
import type { GateState } from "./gate.ts";
import { withOlder, type ModelRecords } from "./model-records.ts";
import { windowOf } from "./window.ts";

/** Some has stored `models` instead of `records`, of each `model answers judged calls`, an answer being `comparison:moment`, with moments of this radix. */
export interface OlderGate extends Partial<GateState> {
  readonly models?: readonly string[];
}
const radix = 30;

/** Has older code written it last? */
export function isOlder({ records, models, breaker }: OlderGate): boolean {
  return records === undefined || models !== undefined || (breaker !== undefined && hasList(breaker));
}

/** @param newGate what a gate knows that knows nothing yet */
export function carriedOn(newGate: GateState, stored: OlderGate): GateState {
  const { models, ...known } = stored;
  const whole = { ...newGate, ...known };
  const records = models === undefined ? whole.records : withOlder(whole.records, recordsIn(models));
  return { ...whole, breaker: recounted(whole.breaker), records };
}

function hasList(breaker: Breaker): boolean {
  return breaker.state === "closed" && breaker.window.length > 0;
}

/** It counted calls in a list. Whose they were begins anew: what it says of that it has kept otherwise, or taken along from before. */
function recounted(breaker: Breaker): Breaker {
  if (breaker.state !== "closed" || breaker.window.length === 0) return breaker;
  const { state, epoch, faultsInRow, window } = breaker;
  const last = window.at(-1)?.second ?? 0;
  return { state, epoch, faultsInRow, window: [], lately: windowOf(window, last) };
}

function recordsIn(models: readonly string[]): ModelRecords {
  return models.map((record) => {
    const [model = "", answers = "", judgedAt = "", calls = ""] = record.split(" ");
    const told = answers
      .split(",")
      .filter((answer) => answer !== "")
      .map((answer) => {
        const [comparison = "", at = ""] = answer.split(":");
        return ` ${comparison} ${decimal(at)}`;
      });
    return `${model} ${judgedAt === "" ? "" : decimal(judgedAt)} ${calls}${told.join("")}`;
  });
}

function decimal(moment: string): string {
  return `${parseInt(moment, radix)}`;
}
