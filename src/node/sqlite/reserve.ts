/**
 * Room on the disk that nobody else can take: a file beside the data. Where the disk is full, tickets that are there must still be claimed and
 * ended, which takes room before it gives some back. The file then gives way piece by piece, each to a write that is made at once, so that
 * whoever fills the disk gets hardly any of it; and grows again as soon as there is room.
 */
import { randomFillSync } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";

export interface Reserve {
  /** Makes it whole again as far as there is room. @returns is it whole, with room for so many bytes beside it? */
  refill(besideBytes: number): boolean;
  /** Gives a piece of it to the next write: the larger, the more often in a row that was not enough. @returns false: none is left */
  give(tries: number): boolean;
  bytes(): number;
  readonly wholeBytes: number;
  close(): void;
}

/**
 * The file must take in what is only in SQLite's log when the disk becomes full: 4 MiB, after which SQLite empties the log, and less than that
 * once more, where there was no room to empty it. From then on the log is written anew in the room that it has.
 */
const wholeBytes = 8 * 1_048_576;
const pieceBytes = 262_144;
const smallestGiftBytes = 65_536;

/** Not zeros: some file systems keep no room for what they can shorten. */
const piece = randomFillSync(new Uint8Array(pieceBytes));

/** @throws {Error} the file can't be opened */
export function openReserve(path: string): Reserve {
  // Kept open, so that nothing has to be made where the disk is full; `a`: what is in it stays.
  const file = openSync(path, "a+", 0o600);
  let bytes = fstatSync(file).size;

  function growTo(size: number): boolean {
    const before = bytes;
    try {
      while (bytes < size) bytes += writeSync(file, piece, 0, Math.min(pieceBytes, size - bytes));
      // Some file systems find out only now.
      if (bytes > before) fsyncSync(file);
      return true;
    } catch {
      return false;
    }
  }

  function shrinkTo(size: number): boolean {
    try {
      ftruncateSync(file, size);
      // Some file systems give the room back only when it is certain that the file is shorter.
      fsyncSync(file);
      bytes = size;
      return true;
    } catch {
      return false;
    }
  }

  return {
    refill(besideBytes) {
      const hasRoom = growTo(wholeBytes + besideBytes);
      if (bytes > wholeBytes) shrinkTo(wholeBytes);
      return hasRoom && bytes === wholeBytes;
    },
    give: (tries) => bytes > 0 && shrinkTo(Math.max(0, bytes - smallestGiftBytes * 2 ** tries)),
    bytes: () => bytes,
    wholeBytes,
    close: () => closeSync(file),
  };
}
