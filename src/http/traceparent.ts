/** The W3C's trace context, as a caller sends it. */

/** The trace that the caller is in; `null` where there is none. */
export function traceIdOf(traceparent: string | undefined): string | null {
  return traceparentPattern.exec(traceparent ?? "")?.[1] ?? null;
}

/** Ids of zeros and the version `ff` are invalid; only versions after `00` may say more. https://www.w3.org/TR/trace-context/ */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|(?<!^00.*)-)/;
