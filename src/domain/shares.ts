/** What is shared between tenants, and when one of them has a share of it: places in a queue, and live requests. */

/** Of tenants whose weight is not 1. */
export type Weights = Readonly<Record<string, number>>;

/** A tenant may be called as what every object has, `constructor` say: then what is found there is no weight. */
export function weightOf(weights: Weights | undefined, tenant: string): number {
  const weight: unknown = weights?.[tenant];
  return typeof weight === "number" ? weight : 1;
}

/**
 * Does a tenant hold at least its share of what is held? By weight, among those who hold some of it, the tenant included.
 *
 * @param weights of all of these together
 */
export function hasShare(own: number, all: number, weight: number, weights: number): boolean {
  return own * weights >= all * weight;
}
