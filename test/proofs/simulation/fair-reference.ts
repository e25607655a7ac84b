/**
 * Whose ticket goes between tenants, as the contract says it: "the tenant with the smallest start tag gives its first ticket (suspects first in
 * their own line, then priority, age, id); cost = (size ÷ 4 + max_tokens ÷ 4) ÷ weight; kept for tenants with places only."
 */
import type { Place } from "../../../src/domain/gate/places.ts";
import type { Broken } from "./breaker-reference.ts";

type Weights = Readonly<Record<string, number>>;

export function createFairReference(weights: Weights, broken: Broken) {
  /** What each tenant's line has come to. */
  const tags = new Map<string, number>();
  let virtualTime = 0;

  function startOf(tenant: string): number {
    return Math.max(tags.get(tenant) ?? 0, virtualTime);
  }

  return {
    /**
     * @param isInTurn neither a probe nor one that asks for its model
     * @param others that could have been sent instead
     */
    sent(place: Place, isInTurn: boolean, others: readonly Place[]): void {
      const { tenant, tokens, ticketId } = place;
      const start = startOf(tenant);
      if (isInTurn) {
        const earlier = others.find((other) => startOf(other.tenant) < start);
        if (earlier)
          broken(
            "13 whose",
            `${ticketId} is sent before ${earlier.ticketId}, whose line comes first`,
            ticketId,
          );
        const own = others.find((other) => other.tenant === tenant && comesBefore(other, place));
        if (own) broken("order", `${ticketId} is sent before ${own.ticketId} of its own line`, ticketId);
        virtualTime = start;
      }
      tags.set(tenant, start + Math.ceil(tokens / (weights[tenant] ?? 1)));
    },

    /** @param tenants that have places */
    left(tenants: ReadonlySet<string>): void {
      for (const tenant of tags.keys()) if (!tenants.has(tenant)) tags.delete(tenant);
      // Only differences count.
      if (tags.size === 0) virtualTime = 0;
    },
  };
}

function comesBefore(a: Place, b: Place): boolean {
  if (a.suspect !== b.suspect) return a.suspect;
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.acceptedAtMs < b.acceptedAtMs;
}
