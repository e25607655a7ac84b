/** Bytes of a stream, up to a limit. */

import { unaskedBytes } from "../http/platform.ts";

/** So much is made room for at first. */
const roomBytes = 16_384;

/**
 * Each read comes back when its room is full: pieces are put together below JavaScript, where one of a single byte would cost kilobytes and 30 µs
 * (measured in workerd, 2026-11-30).
 *
 * @param body of a request or an answer: such streams fill memory that is given to them
 * @param mayRead asked before room is made for more than is held unasked
 * @returns `too_large` where it is longer than the limit, `no_room` where more may not be held; the rest is never held
 */
export async function bytesWithin(
  maxBytes: number,
  body: ReadableStream<Uint8Array>,
  mayRead: (bytes: number) => boolean,
): Promise<Uint8Array | "too_large" | "no_room" | "hung_up"> {
  const reader = body.getReader({ mode: "byob" });
  let held = new Uint8Array(Math.min(roomBytes, maxBytes + 1));
  let sizeBytes = 0;
  for (;;) {
    const wantedBytes = held.length - sizeBytes;
    const { value } = await reader.readAtLeast(wantedBytes, held.subarray(sizeBytes));
    // The room was handed over, and has come back under another name. Nothing comes back of a stream that was cancelled.
    if (value === undefined) return "hung_up";
    held = new Uint8Array(value.buffer);
    sizeBytes += value.length;
    if (sizeBytes > maxBytes) {
      await reader.cancel();
      return "too_large";
    }
    if (value.length < wantedBytes) return held.subarray(0, sizeBytes);
    const nextBytes = Math.min(2 * sizeBytes, maxBytes + 1);
    if (nextBytes > unaskedBytes && !mayRead(nextBytes)) {
      await reader.cancel();
      return "no_room";
    }
    const larger = new Uint8Array(nextBytes);
    larger.set(held);
    held = larger;
  }
}
