/**
 * A body's bytes, gathered in one place. Memory follows the number of bytes, however they come: a piece of one byte by itself costs some 400 in
 * V8, and a megabyte of such pieces 390.
 */
import { Buffer } from "node:buffer";

export interface GatheredBytes {
  /** @returns false: with this piece there would be too many, and it was not taken */
  readonly add: (piece: Buffer) => boolean;
  readonly bytes: () => Buffer;
}

const nothing = Buffer.alloc(0);
/** So much room is made when a second piece comes: most bodies need no more. */
const roomBytes = 16_384;

/**
 * @param maxBytes the most that are gathered
 * @param announcedBytes how many there will be, as the sender says; `null`: it says nothing. Room for all of them is made at once only when
 *   half of them are there: what is announced and never comes costs nothing.
 */
export function gatherBytes(maxBytes: number, announcedBytes: number | null): GatheredBytes {
  let held = nothing;
  let sizeBytes = 0;

  function add(piece: Buffer): boolean {
    const wholeBytes = sizeBytes + piece.length;
    if (wholeBytes > maxBytes) return false;
    // Most bodies come in one piece, which needs no copy.
    if (sizeBytes === 0) held = piece;
    else {
      if (wholeBytes > held.length) held = enlarged(wholeBytes);
      held.set(piece, sizeBytes);
    }
    sizeBytes = wholeBytes;
    return true;
  }

  function enlarged(leastBytes: number): Buffer {
    const enough = announcedBytes !== null && announcedBytes >= leastBytes ? announcedBytes : maxBytes;
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(2 * leastBytes, roomBytes), enough));
    larger.set(held.subarray(0, sizeBytes));
    return larger;
  }

  return { add, bytes: () => (held.length === sizeBytes ? held : held.subarray(0, sizeBytes)) };
}
