/**
 * Whom a vendor will judge, and from when on: that whoever has the time outlives its provider's day (contract 3, *Retries*: "whatever the
 * outage looks like, is judged after it if at least 5 minutes plus (unfinished tickets ÷ concurrency) × the mean response time are left").
 */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { GateState } from "../../../src/domain/gate/gate.ts";
import { startMs } from "./scheduler.ts";
import type { Vendor } from "./vendor.ts";
import type { KnownTicket, SeenTicket } from "./watch-tickets.ts";
import type { World } from "./world.ts";

export interface Hope {
  /** From when on its vendor answers this ticket's request, in epoch milliseconds; `Infinity`: never. */
  wellFromMs(ticket: SeenTicket): number;
  wellMs(provider: ProviderName): number;
}

export function createHope(world: World, vendors: ReadonlyMap<ProviderName, Vendor>): Hope {
  return {
    wellFromMs({ expected }) {
      if (expected === null) return startMs + world.plan.healMs;
      return startMs + (vendors.get(expected.provider)?.wellFromMs(expected) ?? 0);
    },
    wellMs: (provider) => vendors.get(provider)?.wellMs ?? 0,
  };
}

const leastMs = 5 * 60_000;
const longestWaitMs = 15 * 60_000;

/**
 * In a calm world, to the second. The contract says two things of an outage after which our account or a model is asked again, or its calls
 * were timeouts: that five minutes are enough, and that it waits for up to fifteen. Here the longer time is granted.
 *
 * @param ticket that has expired now
 * @param all of its world
 * @param gate of its provider
 */
export function checkOutlived(
  world: World,
  ticket: KnownTicket,
  all: Iterable<KnownTicket>,
  gate: GateState,
  hope: Hope,
): void {
  const { isCalm, limits } = world.plan;
  if (!isCalm) return;
  const { provider, expiresAtMs, acceptedAtMs } = ticket.about;
  const wellFromMs = Math.max(hope.wellFromMs(ticket), acceptedAtMs);
  const unfinished = [...all].filter(
    ({ about, endedAtMs }) => about.provider === provider && (endedAtMs === null || endedAtMs > wellFromMs),
  ).length;
  const waitMs = mayWaitLong(ticket, gate) ? longestWaitMs : 0;
  const neededMs =
    leastMs + waitMs + Math.ceil((unfinished + 1) / limits.concurrency) * hope.wellMs(provider);
  const leftMs = expiresAtMs - wellFromMs;
  if (leftMs >= neededMs)
    world.violate(
      "4 ends",
      `expired, though its vendor was well ${Math.round(leftMs / 1000)} s before`,
      ticket.id,
    );
}

/** For its turn to ask, for a time that its vendor named, or after a call that was billed in vain. */
function mayWaitLong({ ticket, about }: KnownTicket, { credentials, holds }: GateState): boolean {
  const { state } = ticket ?? {};
  const reason = state?.status === "expired" ? state.lastFailure?.reason : undefined;
  const isHeld = holds.some((hold) => hold.model === about.keys?.model && hold.ramp === undefined);
  return credentials !== null || isHeld || reason === "timeout" || reason === "rate_limited";
}
