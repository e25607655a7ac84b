/** Looks at the places of Redis' gates after each script: one for each unfinished ticket, and what is in flight within its bounds. */
import { providerNames } from "../../../../src/domain/judging/comparison.ts";
import type { GateState } from "../../../../src/domain/gate/gate.ts";
import type { Place } from "../../../../src/domain/gate/places.ts";
import { isEnded, type Claim, type Ticket } from "../../../../src/domain/ticket/ticket.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import type { Given } from "../watch-leases.ts";
import type { World } from "../world.ts";
import type { RedisData } from "./redis-data.ts";
import type { StoreWatch } from "./watch-stores.ts";

export function watchPlaces(
  world: World,
  data: () => RedisData,
  watch: Pick<StoreWatch, "inRedis" | "known" | "isClaimed">,
): { look(keys: readonly string[]): void } {
  const { concurrency } = world.plan.limits;
  const known = new Map<string, Place>();

  function placeIn(stored: string): Place {
    let place = known.get(stored);
    if (place === undefined) known.set(stored, (place = JSON.parse(stored) as Place));
    return place;
  }

  function check(provider: string): void {
    const all = [...data().hash(`${root}gate:${provider}:places`).values()].map(placeIn);
    const broken = (promise: string, sentence: string, id: string | null) =>
      // What Redis has lost of it, as its settings allow, may not fit together.
      id !== null && watch.known(id)?.isExcused
        ? undefined
        : world.violate(promise, `gate ${provider} in Redis: ${sentence}`, id);
    const taken = new Set<string>();
    let flying = 0;
    let suspects = 0;
    for (const { ticketId, standing, suspect } of all) {
      taken.add(ticketId);
      const ticket = watch.inRedis().get(ticketId);
      if (ticket === undefined || (isEnded(ticket.state) && claimOf(ticket) === null))
        broken("9 places", "keeps a place for nobody", ticketId);
      const isFlying = standing.state !== "waiting";
      if (isFlying) flying++;
      if (isFlying && suspect) suspects++;
      const isCalledFor = ticket && (claimOf(ticket) === null ? false : watch.isClaimed(ticketId));
      if (ticket && isCalledFor !== null && isCalledFor !== (standing.state === "running"))
        broken("9 places", `${standing.state} there, ${ticket?.state.status} by its record`, ticketId);
    }
    if (flying > concurrency) broken("order", `${flying} tickets in flight of ${concurrency}`, null);
    if (suspects > 1) broken("order", `${suspects} suspects in flight`, null);
    for (const [id, { about, state }] of watch.inRedis())
      if (about.provider === provider && !isEnded(state) && !taken.has(id))
        broken("9 places", `has no place for it, which is ${state.status}`, id);
    const size = Number(data().hash(`${root}gate:${provider}:sums`).get("size") ?? 0);
    if (size !== all.length) broken("9 places", `counts ${size} places of ${all.length}`, null);
  }

  return {
    look(keys) {
      for (const provider of providerNames)
        if (keys.some((key) => key.startsWith(`${root}gate:${provider}:`))) check(provider);
    },
  };
}

/** One that was cancelled has it until the call is over. */
function claimOf({ state }: Ticket): Claim | null {
  return "claim" in state ? state.claim : null;
}

/** What Redis' gates have given away under these permits. */
export function givenIn(data: RedisData, permits: readonly string[]): Given {
  const isTheirs = (stored: unknown): stored is string =>
    typeof stored === "string" && permits.some((permit) => stored.includes(permit));
  const prefixes = providerNames.map((provider) => `${root}gate:${provider}:`);
  return {
    states: prefixes
      .map((prefix) => data.call("GET", `${prefix}core`))
      .filter(isTheirs)
      .map((stored) => JSON.parse(stored) as GateState),
    places: prefixes
      .flatMap((prefix) => [...data.hash(`${prefix}places`).values()])
      .filter(isTheirs)
      .map((stored) => JSON.parse(stored) as Place),
  };
}
