/** May another ticket be kept? Two watermarks, so that the answer doesn't flicker at the edge. They bind those who hold their share. */
import { hasShare } from "../shares.ts";

export interface AdmissionLimits {
  /** Unfinished tickets of one provider, at least 1. */
  readonly maxSize: number;
  /** UTF-8 bytes of their texts. */
  readonly maxBytes: number;
  /** Share of either limit at which no more are accepted. */
  readonly highWatermark: number;
  /** Share of both limits below which they are accepted again. */
  readonly lowWatermark: number;
}

/** What is kept now. */
export interface Load {
  readonly size: number;
  readonly bytes: number;
}

/** Whether the next ticket is accepted, given whether the last one was. Ask after every change of the load. */
export function acceptsMore(accepting: boolean, load: Load, limits: AdmissionLimits): boolean {
  const { maxSize, maxBytes, highWatermark, lowWatermark } = limits;
  return accepting
    ? load.size < highWatermark * maxSize && load.bytes < highWatermark * maxBytes
    : load.size < lowWatermark * maxSize && load.bytes < lowWatermark * maxBytes;
}

/** Who hold places, and the one of them that asks for one more. */
export interface Holders {
  readonly own: Load;
  /** Its weight. */
  readonly weight: number;
  /** Of all of them together, the one that asks included. */
  readonly weights: number;
}

/**
 * While no more are accepted, who has to wait for that: a tenant that holds at least its share of what there is too much of. Whoever holds less
 * is not kept out by what others hold, up to the limits themselves.
 *
 * @param whole all that is held, by places or otherwise
 * @param all what is held by places
 */
export function isBound(
  whole: Load,
  all: Load,
  { own, weight, weights }: Holders,
  { maxSize, maxBytes, lowWatermark }: AdmissionLimits,
): boolean {
  const isMuch = whole.size >= lowWatermark * maxSize;
  const isBig = whole.bytes >= lowWatermark * maxBytes;
  return (
    (isMuch && hasShare(own.size, all.size, weight, weights)) ||
    (isBig && hasShare(own.bytes, all.bytes, weight, weights))
  );
}

/** Is there room for this one below the limits themselves? One big ticket can jump over the watermark, but not over the limit. */
export function hasRoomFor(sizeBytes: number, load: Load, limits: AdmissionLimits): boolean {
  return load.size < limits.maxSize && load.bytes + sizeBytes <= limits.maxBytes;
}
