/** The bytes of an answer, which may come in pieces of any size. */

export interface Gathered {
  /** @returns false: it would be more than may be held. Nothing was added, and nothing more should come */
  add(piece: Uint8Array): boolean;
  /** All of them, in one piece. */
  bytes(): Uint8Array;
}

/**
 * Gathers bytes in one piece of memory, so that an answer in pieces of one byte takes no more of it than any other: at most twice `mostBytes`, where an
 * object for each piece would take hundreds of times as much. An answer that comes in one piece, as nearly all do, is not copied.
 */
export function gathered(mostBytes: number): Gathered {
  let only: Uint8Array | null = null;
  let memory = new Uint8Array(0);
  let used = 0;

  function copy(piece: Uint8Array): void {
    const needed = used + piece.length;
    if (needed > memory.length) {
      const larger = new Uint8Array(Math.min(Math.max(needed * 2, 4_096), mostBytes));
      larger.set(memory.subarray(0, used));
      memory = larger;
    }
    memory.set(piece, used);
    used = needed;
  }

  return {
    add(piece) {
      const held = only?.length ?? used;
      if (held + piece.length > mostBytes) return false;
      if (held === 0) {
        only = piece;
        return true;
      }
      if (only !== null) {
        copy(only);
        only = null;
      }
      copy(piece);
      return true;
    },
    bytes: () => only ?? memory.subarray(0, used),
  };
}
