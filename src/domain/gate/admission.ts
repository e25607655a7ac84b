/** May another ticket be kept? Two watermarks, so that the answer doesn't flicker at the edge. They bind those who hold their share. */
import { hasShare, weightOf, type Weights } from "../shares.ts";

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

/**
 * While no more are accepted, who has to wait for that: a tenant that holds at least its share of what there is too much of. Whoever holds less
 * is not kept out by what others hold, up to the limits themselves.
 *
 * @param whole all that is held, by places or otherwise
 * @param lines of tenants with places
 */
export function isBound(
  tenant: string,
  whole: Load,
  lines: readonly (Load & { readonly tenant: string })[],
  { maxSize, maxBytes, lowWatermark }: AdmissionLimits,
  weights: Weights | undefined,
): boolean {
  const own = lines.find((line) => line.tenant === tenant) ?? { size: 0, bytes: 0 };
  const weight = weightOf(weights, tenant);
  let all = { size: 0, bytes: 0 };
  let sum = own.size > 0 ? 0 : weight;
  for (const line of lines) {
    all = { size: all.size + line.size, bytes: all.bytes + line.bytes };
    sum += weightOf(weights, line.tenant);
  }
  const isMuch = whole.size >= lowWatermark * maxSize;
  const isBig = whole.bytes >= lowWatermark * maxBytes;
  return (
    (isMuch && hasShare(own.size, all.size, weight, sum)) ||
    (isBig && hasShare(own.bytes, all.bytes, weight, sum))
  );
}

/** Is there room for this one below the limits themselves? One big ticket can jump over the watermark, but not over the limit. */
export function hasRoomFor(sizeBytes: number, load: Load, limits: AdmissionLimits): boolean {
  return load.size < limits.maxSize && load.bytes + sizeBytes <= limits.maxBytes;
}
