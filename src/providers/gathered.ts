/** The bytes of a body, which may come in pieces of any size: of a vendor's answer, and on Node of a caller's request. */

export interface Gathered {
  /** @returns false: with this piece there would be more than may be held. The piece was not taken, and nothing more should come */
  add(piece: Uint8Array): boolean;
  /** All of them, in one piece. */
  bytes(): Uint8Array;
  /** They are needed no more, and nothing more is added. */
  end(): void;
}

const nothing = new Uint8Array(0);
/** So much room is made when a second piece comes: most bodies need no more. */
const roomBytes = 4_096;

/**
 * Gathers bytes in one piece of memory, which follows the number of bytes however they come: a piece of one byte by itself costs some 400 in V8,
 * and a megabyte of such pieces 390. A body that comes in one piece, as nearly all do, is not copied.
 *
 * @param mostBytes the most that are gathered
 * @param announcedBytes how many there will be, as the sender says; `null`: it says nothing. Room for all of them is made at once only when
 *   half of them are there: what is announced and never comes costs nothing.
 * @param letGo hears of memory that nobody reads any more: of each piece that was copied, and of what they were gathered in
 */
export function gathered(
  mostBytes: number,
  announcedBytes: number | null = null,
  letGo: (bytes: Uint8Array) => void = () => {},
): Gathered {
  let held: Uint8Array = nothing;
  let sizeBytes = 0;

  function add(piece: Uint8Array): boolean {
    const wholeBytes = sizeBytes + piece.length;
    if (wholeBytes > mostBytes) return false;
    if (sizeBytes === 0) held = piece;
    else {
      if (wholeBytes > held.length) enlarge(wholeBytes);
      held.set(piece, sizeBytes);
      letGo(piece);
    }
    sizeBytes = wholeBytes;
    return true;
  }

  function enlarge(leastBytes: number): void {
    const enough = announcedBytes !== null && announcedBytes >= leastBytes ? announcedBytes : mostBytes;
    const larger = new Uint8Array(Math.min(Math.max(2 * leastBytes, roomBytes), enough));
    larger.set(held.subarray(0, sizeBytes));
    const smaller = held;
    held = larger;
    if (smaller !== nothing) letGo(smaller);
  }

  return {
    add,
    bytes: () => (held.length === sizeBytes ? held : held.subarray(0, sizeBytes)),
    end() {
      const whole = held;
      held = nothing;
      sizeBytes = 0;
      if (whole !== nothing) letGo(whole);
    },
  };
}
