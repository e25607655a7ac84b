/** When a provider's tickets may be called for, as its breaker and our account stand, and how many at once. */
import { breakerTurn, type Whose } from "./breaker.ts";
import { isClosedForTicket, type GateCore, type GateLimits } from "./gate.ts";
import { credentialsTurn } from "./pauses.ts";
import { bothTurns, type Turn } from "./turn.ts";

/** When the queue may call: the breaker and the credentials must both let it. */
export function queueTurn(core: GateCore, nowMs: number): Turn {
  return bothTurns(breakerTurn(core.breaker, nowMs), credentialsTurn(core.credentials, nowMs));
}

/** When a ticket may be called for. */
export function ticketTurn(core: GateCore, whose: Whose, nowMs: number): Turn {
  return isClosedForTicket(core, whose) ? credentialsTurn(core.credentials, nowMs) : queueTurn(core, nowMs);
}

/** Is the breaker open for some tickets, while those of others go as if it were closed? */
export function isDivided({ breaker, credentials }: GateCore): boolean {
  return breaker.state !== "closed" && breaker.others !== undefined && credentials === null;
}

/** Tickets in flight at once. With one turn the ramp has nothing to say: it begins when the breaker closes. */
export function mostInFlight(core: GateCore, turn: Turn, limits: GateLimits): number {
  return turn.kind === "free" && core.ramp !== null
    ? Math.min(core.ramp.allowed, limits.concurrency)
    : limits.concurrency;
}
