/** When a provider's tickets may be called for, as its breaker and our account stand, and how many at once. */
import { breakerTurn, type Whose } from "./breaker.ts";
import { haltedMs } from "./halt.ts";
import { isClosedForTicket, type GateState, type GateLimits } from "./gate.ts";
import { credentialsTurn } from "./pauses.ts";
import { bothTurns, type Turn } from "./turn.ts";

/** When the queue may call: the breaker and the credentials must both let it, and nobody may have halted it. */
export function queueTurn(gate: GateState, nowMs: number): Turn {
  if (gate.halt !== undefined) return { kind: "wait", untilMs: nowMs + haltedMs };
  return bothTurns(breakerTurn(gate.breaker, nowMs), credentialsTurn(gate.credentials, nowMs));
}

/** When a ticket may be called for. */
export function ticketTurn(gate: GateState, whose: Whose, nowMs: number): Turn {
  return gate.halt === undefined && isClosedForTicket(gate, whose)
    ? credentialsTurn(gate.credentials, nowMs)
    : queueTurn(gate, nowMs);
}

/** Is the breaker open for some tickets, while those of others go as if it were closed? */
export function isDivided({ breaker, credentials }: GateState): boolean {
  return breaker.state !== "closed" && breaker.others !== undefined && credentials === null;
}

/** Tickets in flight at once. With one turn the ramp has nothing to say: it begins when the breaker closes. */
export function mostInFlight(gate: GateState, turn: Turn, limits: GateLimits): number {
  return turn.kind === "free" && gate.ramp !== null
    ? Math.min(gate.ramp.allowed, limits.concurrency)
    : limits.concurrency;
}
