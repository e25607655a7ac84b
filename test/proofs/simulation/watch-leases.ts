/** Looks at what a walk leaves behind that has come to its end, or was thrown out of it: no permit, lease or place may outlive it. */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { Place } from "../../../src/domain/gate/places.ts";
import type { Life } from "./life.ts";
import type { Walk } from "./walk.ts";
import type { World } from "./world.ts";

export interface LeaseWatch {
  /** @param life in which it walked */
  over(walk: Walk, life: Life): void;
}

/** What gates have given away now. */
export interface Given {
  readonly states: Iterable<GateState>;
  readonly places: Iterable<Place>;
}

/**
 * @param given `null`: what is there may be late, for the way to it is not sure
 * @param graceMs after so long it is known that a word was lost
 */
export function watchLeases(
  world: World,
  given: (walk: Walk, life: Life) => Given | null,
  graceMs: number,
): LeaseWatch {
  return {
    over(walk, life) {
      // What dies with its process lapses.
      if (!life.isAlive || walk.permits.length === 0) return;
      const about = walk.ticketId ?? walk.name;
      if (walk.leave !== null)
        return world.violate("12 given back", "its leave was never reported on", about);
      world.scheduler.after(graceMs, () => checkGiven(walk, life, about));
    },
  };

  function checkGiven(walk: Walk, life: Life, about: string): void {
    const now = given(walk, life);
    if (now === null) return;
    for (const state of now.states)
      for (const [what, permit] of turnsIn(state))
        if (walk.permits.includes(permit)) world.violate("12 given back", `it keeps ${what}`, about);
    // The place of one that was sent but could not be claimed lapses: the ticket has ended, or another has it.
    if (walk.kind === "work" && walk.claim === null) return;
    for (const { standing } of now.places)
      if (standing.state === "running" && walk.permits.includes(standing.permit))
        world.violate("12 given back", "it keeps its place", about);
  }
}

function turnsIn({ breaker, credentials, holds }: GateState): readonly (readonly [string, string])[] {
  const turns: (readonly [string, string])[] = [];
  if (breaker.state === "half_open" && breaker.probe) turns.push(["the probe", breaker.probe.permit]);
  if (credentials?.asker) turns.push(["the account's turn", credentials.asker.permit]);
  for (const { model, asker } of holds) if (asker) turns.push([`the turn of ${model}`, asker.permit]);
  return turns;
}
