/** Chance that can be repeated: the same for the same key, in every process and on every platform. */

/**
 * Numbers in [0, 1) that follow from the key alone. Mulberry32 by Tommy Ettinger (public domain),
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function dice(key: string): () => number {
  let state = hash(key);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a, 32 bits, over UTF-16 units. http://www.isthe.com/chongo/tech/comp/fnv/ (public domain) */
export function hash(key: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) state = Math.imul(state ^ key.charCodeAt(at), 0x01000193);
  return state >>> 0;
}
