/** How many live requests a process or isolate holds at once, and how they are shared between tenants: as a queue's places are. */
import { hasShare, weightOf, type Weights } from "./shares.ts";

/** Of one tenant, or of all. */
export interface Held {
  readonly size: number;
  readonly bytes: number;
}

export interface RoomLimits {
  /** At least 1. */
  readonly calls: number;
  readonly bytes: number;
  /** The share of either from which on only tenants come in that hold less than theirs; 1: there is only one tenant, who may have all. */
  readonly highWatermark: number;
  /** By tenants' names; of those whose weight is not 1. */
  readonly weights: Weights;
  /** Whoever has not left after so long is forgotten: a Worker's request can end without a word. */
  readonly leaseMs: number;
}

/**
 * What a comparison's live call holds in memory, about: its texts, for another call or a ticket, and what is sent of them to the vendor, in UTF-8.
 *
 * @param length of the body, in UTF-16 units
 * @param isWide its texts have characters beyond Latin-1: engines hold such a text with two bytes for each unit, however few they are
 */
export function heldBytes(bodyBytes: number, length: number, isWide: boolean): number {
  return bodyBytes + length * (isWide ? 2 : 1);
}

/** At most: of a body that is not read yet. */
export function mostHeldBytes(bodyBytes: number): number {
  return heldBytes(bodyBytes, bodyBytes, true);
}

const nothing: Held = { size: 0, bytes: 0 };

/** Is there room for one more of this tenant's? @param loads of each tenant that holds something */
export function hasLiveRoom(
  loads: ReadonlyMap<string, Held>,
  tenant: string,
  bytes: number,
  limits: RoomLimits,
): boolean {
  const own = loads.get(tenant) ?? nothing;
  const weight = weightOf(limits.weights, tenant);
  let all = nothing;
  let weights = loads.has(tenant) ? 0 : weight;
  for (const [holder, load] of loads) {
    all = { size: all.size + load.size, bytes: all.bytes + load.bytes };
    weights += weightOf(limits.weights, holder);
  }
  const next = { size: all.size + 1, bytes: all.bytes + bytes };
  if (next.size > limits.calls || next.bytes > limits.bytes) return false;
  const isOverSize = next.size > callsBelowMark(limits);
  const isOverBytes = next.bytes > limits.bytes * limits.highWatermark;
  return (
    !(isOverSize && hasShare(own.size, all.size, weight, weights)) &&
    !(isOverBytes && hasShare(own.bytes, all.bytes, weight, weights))
  );
}

/** One place at least is left to others, where there can be others and more than one place. */
function callsBelowMark({ calls, highWatermark }: RoomLimits): number {
  return highWatermark === 1 ? calls : Math.max(1, Math.min(calls - 1, calls * highWatermark));
}
