/** What a metric must say, as sums by the values of some of its labels. */

/** What is 0 is left out. */
export interface Entry {
  readonly metric: string;
  readonly by: readonly string[];
  readonly sums: Readonly<Record<string, number>>;
}

export function entry(metric: string, by: readonly string[], sums: Readonly<Record<string, number>>): Entry {
  return { metric, by, sums: nonZero(sums) };
}

export function nonZero(sums: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).filter(([, value]) => value !== 0));
}

export function count<Item>(items: readonly Item[], keyOf: (item: Item) => string): Record<string, number> {
  return total(items, keyOf, () => 1);
}

export function total<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  valueOf: (item: Item) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const item of items) sums[keyOf(item)] = (sums[keyOf(item)] ?? 0) + valueOf(item);
  return sums;
}
