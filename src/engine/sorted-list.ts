/** Values in order, found by binary search: adding and removing cost a move of memory, and the first is at hand. */
export interface SortedList<T> {
  add(value: T): void;
  /** The value that compares equal to this one. Does nothing where there is none. */
  remove(value: T): void;
  first(): T | undefined;
  /** How many come before this one, which need not be in it. */
  before(value: T): number;
  readonly values: readonly T[];
}

/** @param compare a total order: zero for nothing but the same value */
export function sortedList<T>(compare: (a: T, b: T) => number): SortedList<T> {
  const values: T[] = [];

  function before(value: T): number {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = values[middle];
      if (other !== undefined && compare(other, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(value) {
      const last = values.at(-1);
      // Most come in their order.
      if (last === undefined || compare(last, value) < 0) values.push(value);
      else values.splice(before(value), 0, value);
    },
    remove(value) {
      const at = before(value);
      const found = values[at];
      if (found !== undefined && compare(found, value) === 0) values.splice(at, 1);
    },
    first: () => values[0],
    before,
    values,
  };
}
