/** What a gate holds, beside what it should. */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { ModelPause } from "../../../src/domain/gate/pauses.ts";
import { holdIn, isHeld, type PausedModel, type HoldsKnown } from "./held.ts";

/**
 * @param isOpen the contract leaves more than one way open
 * @returns what the gate holds that it should not, or the other way round; what is open is taken over from it
 */
export function comparedWith(
  known: HoldsKnown,
  state: GateState,
  isOpen: boolean,
  nowMs: number,
): { readonly known: HoldsKnown; readonly wrong: string | null } {
  const models = new Map(known.models);
  let wrong: string | null = null;
  const theirs = new Map(state.holds.map((hold) => [hold.model, hold]));
  for (const model of new Set([...models.keys(), ...theirs.keys()])) {
    const ours = holdIn(models, model, nowMs);
    const their = theirs.get(model);
    const isTheirs = their !== undefined && isHeld(takenOver(their), nowMs);
    const isOurs = isHeld(ours, nowMs);
    if (ours?.isUnsure || (isOpen && isTheirs !== isOurs)) {
      if (isTheirs && their) models.set(model, takenOver(their));
      else models.delete(model);
      continue;
    }
    if (isTheirs && !isOurs) wrong ??= `${model} is held (${their.why}), though nothing holds it`;
    if (isOurs && !isTheirs) wrong ??= `${model} is not held, though it is to be (${ours?.why})`;
    if (isOurs && isTheirs && ours && (their.spares ?? null) !== ours.spares)
      wrong ??= `${model} spares others for ${their.spares} calls, not ${ours.spares}`;
    if (isOurs && isTheirs && ours && their.untilMs !== ours.untilMs)
      wrong ??= `${model} is held for ${their.untilMs - nowMs} ms (${their.why}), not ${ours.untilMs - nowMs} (${ours.why})`;
  }
  const { account } = known;
  const their = state.credentials;
  if (account === null && their !== null) wrong ??= "the account is held, though nobody refused it";
  if (account !== null && their === null) wrong ??= "the account is free, though nobody took it since";
  if (account !== null && their !== null && their.askFromMs !== account.askFromMs)
    wrong ??= `the account is asked in ${their.askFromMs - nowMs} ms, not ${account.askFromMs - nowMs}`;
  return { known: { models, account }, wrong };
}

function takenOver({
  why = "rate_limit",
  untilMs,
  again = 0,
  tenant,
  comparison,
  spares,
  asker,
  ramp,
}: ModelPause): PausedModel {
  const by = tenant === undefined || comparison === undefined ? null : { tenant, comparison };
  const answers = ramp === undefined ? null : 0;
  return {
    why,
    untilMs,
    again,
    by,
    spares: spares ?? null,
    answers,
    isFresh: true,
    askedUntilMs: asker?.endsAtMs ?? 0,
  };
}
