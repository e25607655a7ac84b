/** A failure as it may be stored. */
import type { Failure } from "../domain/failure.ts";
import type { Ports } from "./ports.ts";

/** The vendor's words are stored, and shown for a request that can't succeed: without our keys, and cut. */
export function storable(failure: Failure, mask: Ports["mask"]): Failure {
  return failure.reason === "request_refused"
    ? { ...failure, vendorSays: mask(failure.vendorSays).slice(0, 1000) }
    : failure;
}
