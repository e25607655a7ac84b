/** Admission as the contract says it, counted once more. */
import type { Acceptance, Place, QueueItem } from "../../../src/domain/gate/places.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { World } from "./world.ts";

type Broken = (promise: string, sentence: string, about?: string | null) => void;

export function createCapacityReference({ plan }: World, broken: Broken) {
  const { maxSize, maxBytes, highWatermark, lowWatermark } = plan.limits;
  let isFull = false;
  let load = { size: 0, bytes: 0 };

  const withdrawn = new Set<string>();

  function weigh(rows: ReadonlyMap<string, Place>): void {
    const real = [...rows.values()];
    load = { size: real.length, bytes: real.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
    const share = Math.max(load.size / maxSize, load.bytes / maxBytes);
    if (share >= highWatermark) isFull = true;
    else if (share < lowWatermark) isFull = false;
  }

  return {
    withdrawn: (acceptance: Acceptance) => void withdrawn.add(nameOf(acceptance)),
    before: weigh,
    after: weigh,
    /** @param rows before it */
    asked(item: QueueItem, rows: ReadonlyMap<string, Place>, reply: Admitted["kind"]): void {
      const { ticketId, sizeBytes } = item;
      if (rows.get(ticketId)?.acceptedAtMs === item.acceptedAtMs) return;
      const hasRoom = load.size < maxSize && load.bytes + sizeBytes <= maxBytes;
      if (reply === "admitted" && (isFull || !hasRoom))
        broken("9 places", "accepts though it is full", ticketId);
      if (reply === "full" && !isFull && hasRoom && !withdrawn.has(nameOf(item)))
        broken("9 places", "refuses though there is room", ticketId);
    },
  };
}

function nameOf({ ticketId, acceptedAtMs }: Acceptance): string {
  return `${ticketId} ${acceptedAtMs}`;
}
