/** Room for tickets that will be kept here under marked ids of their own, and not under those that they were drafted with. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { QueueItem } from "../../domain/gate/places.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { FallbackStore } from "./fallback-store.ts";
import { markedId } from "./marked-id.ts";

export interface Rooms {
  /** Keeps room at the gate here, and notes under which id. @returns false: the queue is full */
  reserve(provider: ProviderName, item: QueueItem): Promise<boolean>;
  /** @returns the marked id of a drafted one, once; `null`: no room was kept here */
  take(draftedId: string): string | null;
}

export function createRooms(fallback: Pick<FallbackStore, "gate">, clock: Clock, newId: () => string): Rooms {
  /** Of requests between their room and their ticket. */
  const marked = new Map<string, string>();

  return {
    async reserve(provider, item) {
      const ticketId = markedId(clock.nowMs(), newId);
      const isHeld = await fallback.gate(provider).reserve({ ...item, ticketId });
      if (isHeld) marked.set(item.ticketId, ticketId);
      return isHeld;
    },
    take(draftedId) {
      const ticketId = marked.get(draftedId) ?? null;
      marked.delete(draftedId);
      return ticketId;
    },
  };
}
