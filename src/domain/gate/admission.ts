/** May another ticket be kept? Two watermarks, so that the answer doesn't flicker at the edge. */

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

/** Is there room for this one below the limits themselves? One big ticket can jump over the watermark, but not over the limit. */
export function hasRoomFor(sizeBytes: number, load: Load, limits: AdmissionLimits): boolean {
  return load.size < limits.maxSize && load.bytes + sizeBytes <= limits.maxBytes;
}
