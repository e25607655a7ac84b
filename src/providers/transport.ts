/** The one way in which bytes reach a vendor. Each platform passes its own in; all keep the same promises (`test/contracts/transport.ts`). */
import type { Result } from "../domain/result.ts";

/**
 * Sends one request and reads the whole answer. Redirects are not followed: a 3xx is an answer like any other. Never throws for what the
 * network does.
 */
export type Transport = (
  request: UpstreamRequest,
  signal: AbortSignal,
) => Promise<Result<UpstreamAnswer, TransportFault>>;

export interface UpstreamRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as UTF-8; `null`: none. */
  readonly body: string | null;
  /** Bytes of the decoded answer after which it is cut off. */
  readonly maxAnswerBytes: number;
}

export interface UpstreamAnswer {
  readonly status: number;
  /** @param name in lower case; `null` where absent */
  readonly header: (name: string) => string | null;
  readonly text: string;
}

export type TransportFault =
  /** Never connected, or the connection broke before the answer was whole. `code`: the transport's own word. */
  | { readonly fault: "connection"; readonly code: string }
  /** The signal aborted. */
  | { readonly fault: "aborted" }
  /** The answer is longer than it may be. `status`: its own. */
  | { readonly fault: "too_large"; readonly status: number };
