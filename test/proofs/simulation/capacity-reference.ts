/** Admission as the contract says it, counted once more. */
import type { Place, QueueItem } from "../../../src/domain/gate/places.ts";
import type { World } from "./world.ts";

type Broken = (promise: string, sentence: string, about?: string | null) => void;

export function createCapacityReference({ plan, scheduler }: World, broken: Broken) {
  const { maxSize, maxBytes, highWatermark, lowWatermark } = plan.limits;
  let isFull = false;
  let load = { size: 0, bytes: 0 };

  /** Holds that are over count for nothing. */
  function weigh(rows: ReadonlyMap<string, Place>): void {
    const nowMs = scheduler.nowMs();
    const real = [...rows.values()].filter(
      ({ standing }) => standing.state !== "held" || nowMs < standing.untilMs,
    );
    load = { size: real.length, bytes: real.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
    const share = Math.max(load.size / maxSize, load.bytes / maxBytes);
    if (share >= highWatermark) isFull = true;
    else if (share < lowWatermark) isFull = false;
  }

  return {
    before: weigh,
    after: weigh,
    /** @param rows before it */
    reserved(
      { ticketId, sizeBytes }: QueueItem,
      rows: ReadonlyMap<string, Place>,
      reply: "held" | "full",
    ): void {
      const known = rows.get(ticketId);
      if (known && !(known.standing.state === "held" && known.standing.untilMs <= scheduler.nowMs())) return;
      const hasRoom = load.size < maxSize && load.bytes + sizeBytes <= maxBytes;
      if (reply === "held" && (isFull || !hasRoom)) broken("9 places", "accepts though it is full", ticketId);
      if (reply === "full" && !isFull && hasRoom)
        broken("9 places", "refuses though there is room", ticketId);
    },
  };
}
