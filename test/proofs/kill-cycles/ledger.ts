/** The clients' own record of every 202: it is on disk before the 202 counts as seen, and the run is judged by what is read from there. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Kept } from "./evidence.ts";

export interface Ledger {
  note(kept: Kept): void;
  /** All that was noted so far, oldest first. The same array at each call. */
  readonly entries: readonly Kept[];
  close(): void;
}

export function openLedger(file: string): Ledger {
  const descriptor = openSync(file, "wx");
  const entries: Kept[] = [];
  return {
    entries,
    note(kept) {
      writeSync(descriptor, `${JSON.stringify(kept)}\n`);
      fsyncSync(descriptor);
      entries.push(kept);
    },
    close: () => closeSync(descriptor),
  };
}

export function readLedger(file: string): Kept[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Kept);
}
