/** Bytes to the vendors and back on Workers. */
import { err, ok, type Result } from "../domain/result.ts";
import { gathered } from "../providers/gathered.ts";
import type { Transport, TransportFault, UpstreamAnswer } from "../providers/transport.ts";

/** A transport over the platform's `fetch`. Only the signal ends a call. */
export const fetchTransport: Transport = async ({ method, url, headers, body, maxAnswerBytes }, signal) => {
  if (signal.aborted) return aborted;
  try {
    const response = await fetch(url, {
      method,
      headers,
      body,
      signal,
      // `follow` would carry our key to wherever the vendor, or who sits in front of it, points.
      redirect: "manual",
      cache: "no-store",
    });
    const text = await textWithin(maxAnswerBytes, response);
    if (text === null) return err({ fault: "too_large", status: response.status });
    return ok({ status: response.status, header: (name) => response.headers.get(name), text });
  } catch (error) {
    return signal.aborted ? aborted : err({ fault: "connection", code: codeOf(error) });
  }
};

type Outcome = Result<UpstreamAnswer, TransportFault>;

const aborted: Outcome = err({ fault: "aborted" });

/** @returns `null` where it is longer than that, decoded */
async function textWithin(maxBytes: number, response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const length = response.headers.get("content-length");
  // The length of a compressed body says nothing about what comes out of it.
  if (length !== null && !response.headers.has("content-encoding") && Number(length) <= maxBytes) {
    return response.text();
  }
  const body = gathered(maxBytes);
  // Leaving the loop early cancels the body. An unread one would hold one of the six connections that a request may have.
  for await (const chunk of response.body) {
    if (!body.add(chunk)) return null;
  }
  return new TextDecoder().decode(body.bytes());
}

/** The platform gives its network errors no codes. Its message is a sentence about the connection, and names no URL. */
function codeOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 100) : "UNKNOWN";
}
