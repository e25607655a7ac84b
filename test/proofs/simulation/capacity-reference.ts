/** Admission as the contract says it, counted once more. */
import type { Acceptance, Place, QueueItem } from "../../../src/domain/gate/places.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { World } from "./world.ts";

type Broken = (promise: string, sentence: string, about?: string | null) => void;

export function createCapacityReference({ plan }: World, broken: Broken) {
  const { maxSize, maxBytes, highWatermark, lowWatermark } = plan.limits;
  let isFull = false;
  let load = { size: 0, bytes: 0 };

  const weightOf = (tenant: string) => plan.limits.weights?.[tenant] ?? 1;
  const withdrawn = new Set<string>();

  function weigh(rows: ReadonlyMap<string, Place>): void {
    const real = [...rows.values()];
    load = { size: real.length, bytes: real.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
    const share = Math.max(load.size / maxSize, load.bytes / maxBytes);
    if (share >= highWatermark) isFull = true;
    else if (share < lowWatermark) isFull = false;
  }

  /** "The watermark binds tenants that hold at least their share (by weight, among those who hold places, the asker included)." */
  function holdsItsShare(tenant: string, rows: ReadonlyMap<string, Place>): boolean {
    const real = [...rows.values()];
    const holders = new Set([tenant, ...real.map((place) => place.tenant)]);
    const all = [...holders].reduce((sum, holder) => sum + weightOf(holder), 0);
    const share = weightOf(tenant) / all;
    const own = real.filter((place) => place.tenant === tenant);
    const bytesOf = (places: readonly Place[]) => places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    // Of what there is too much of. Sums of small whole numbers: exact but for the division.
    const isMuch = load.size >= lowWatermark * maxSize && own.length >= share * real.length - 1e-9;
    const isBig = load.bytes >= lowWatermark * maxBytes && bytesOf(own) >= share * bytesOf(real) - 1e-9;
    return isMuch || isBig;
  }

  return {
    withdrawn: (acceptance: Acceptance) => void withdrawn.add(nameOf(acceptance)),
    before: weigh,
    after: weigh,
    /** @param rows before it */
    asked(item: QueueItem, rows: ReadonlyMap<string, Place>, reply: Admitted["kind"]): void {
      const { ticketId, sizeBytes, tenant } = item;
      if (rows.get(ticketId)?.acceptedAtMs === item.acceptedAtMs) return;
      const hasRoom = load.size < maxSize && load.bytes + sizeBytes <= maxBytes;
      const isFullFor = isFull && holdsItsShare(tenant, rows);
      if (reply === "admitted" && (isFullFor || !hasRoom))
        broken("9 places", "accepts though it is full", ticketId);
      if (reply === "full" && !isFullFor && hasRoom && !withdrawn.has(nameOf(item)))
        broken("9 places", "refuses though there is room", ticketId);
    },
  };
}

function nameOf({ ticketId, acceptedAtMs }: Acceptance): string {
  return `${ticketId} ${acceptedAtMs}`;
}
