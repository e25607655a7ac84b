/** Dice that fall the same way for the same seed and purpose, on every platform: a plan can be made again, and a report too. */

/** @returns the next number from 0 up to, but not, 1 */
export type Dice = () => number;

/**
 * sfc32 (Chris Doty-Humphrey's small fast counter), begun from a hash of seed and purpose (FNV-1a), so that two purposes of one seed have nothing to do
 * with each other.
 */
export function diceOf(seed: number, purpose: string): Dice {
  let a = hashOf(`${seed}/${purpose}/a`);
  let b = hashOf(`${seed}/${purpose}/b`);
  let c = hashOf(`${seed}/${purpose}/c`);
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  };
  // A hash differs little between seeds that do; twelve rounds leave nothing of that.
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** A copy in another order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = Math.floor(dice() * (last + 1));
    [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
  }
  return copy;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
