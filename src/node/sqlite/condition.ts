/**
 * How the file is, by what it has refused last: small writes can go well on a disk that has no room for a ticket.
 *
 *   well -- refuses --> trouble -- what it had refused would go now --> well
 *                       damaged: for good. Removed: until it is back
 */
import type { StoreTrouble } from "../../gateway/ports.ts";
import { isDamage, isEnd, removed } from "./faults.ts";

export interface Condition {
  /** `null`: it is well. */
  trouble(): StoreTrouble | null;
  /** The largest that had no room since it was last well. */
  refusedBytes(): number;
  /** @param bytes that were to be added */
  refused(trouble: StoreTrouble, bytes: number): void;
  /** @param bytes that were added; 0: nothing, or hardly anything */
  stored(bytes: number): void;
  /** What it had refused would go now. */
  recovered(): void;
}

/** @param onChange hears of each change, once */
export function createCondition(onChange: (trouble: StoreTrouble | null) => void): Condition {
  let present: { readonly trouble: StoreTrouble; readonly bytes: number } | null = null;

  function become(next: typeof present): void {
    const isNew = next?.trouble.code !== present?.trouble.code;
    present = next;
    if (isNew) onChange(next?.trouble ?? null);
  }

  return {
    trouble: () => present?.trouble ?? null,
    refusedBytes: () => present?.bytes ?? 0,
    refused(trouble, bytes) {
      if (isEnd(trouble) || (present !== null && isDamage(present.trouble))) return;
      become({ trouble, bytes: Math.max(bytes, present?.bytes ?? 0) });
    },
    stored(bytes) {
      if (present === null || isDamage(present.trouble) || present.trouble === removed) return;
      if (present.trouble.error === "full" && bytes < Math.max(1, present.bytes)) return;
      become(null);
    },
    recovered() {
      if (present !== null && !isDamage(present.trouble)) become(null);
    },
  };
}
