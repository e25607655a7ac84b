/**
 * A provider that an operator has halted: nothing is called there, by whomever, until an operator resumes. Calls that are under way end as they
 * would; tickets wait, and nothing of the halt ends by time, by a probe or by a restart. In the API it is *paused*; a pause of the vendor's
 * making is of a model or of our account (`pauses.ts`).
 */
import type { GateState } from "./gate.ts";
import { isPaused, type ModelPause } from "./pauses.ts";

export interface Halt {
  /** The operator's name. */
  readonly by: string;
  readonly atMs: number;
}

/** What an operator orders of a gate. `ask_now`: what is waited for is asked now, instead of when its time has come. */
export type GateOrder =
  | { readonly kind: "halt"; readonly by: string }
  | { readonly kind: "resume" }
  | { readonly kind: "ask_now" };

/** Nobody knows when an operator resumes: who waits may look again in this time. */
export const haltedMs = 60_000;

/** @returns the same value where there is nothing to do: each order can be repeated */
export function obey(gate: GateState, order: GateOrder, nowMs: number): GateState {
  switch (order.kind) {
    case "halt":
      return gate.halt === undefined ? { ...gate, halt: { by: order.by, atMs: nowMs } } : gate;
    case "resume": {
      if (gate.halt === undefined) return gate;
      const { halt: _, ...going } = gate;
      return going;
    }
    case "ask_now":
      return gate.halt === undefined ? askedNow(gate, nowMs) : gate;
  }
}

/** The next ticket or live call is let out, as when the time is over: one, where one asks for all. */
function askedNow(gate: GateState, nowMs: number): GateState {
  const { breaker, credentials, holds: pauses } = gate;
  const isOpen = breaker.state === "open" && breaker.probeFromMs > nowMs;
  const isRefused = credentials !== null && credentials.askFromMs > nowMs;
  const isLeft = pauses.some((pause) => isLater(pause, nowMs));
  if (!isOpen && !isRefused && !isLeft) return gate;
  return {
    ...gate,
    breaker: isOpen ? { ...breaker, probeFromMs: nowMs } : breaker,
    credentials: isRefused ? { ...credentials, askFromMs: nowMs } : credentials,
    holds: isLeft
      ? pauses.map((pause) => (isLater(pause, nowMs) ? { ...pause, untilMs: nowMs } : pause))
      : pauses,
    // Or a ticket that is to ask would wait for its backoff.
    waitsEndedMs: isOpen || isRefused ? nowMs : gate.waitsEndedMs,
  };
}

function isLater(pause: ModelPause, nowMs: number): boolean {
  return isPaused(pause, nowMs) && pause.untilMs > nowMs;
}
