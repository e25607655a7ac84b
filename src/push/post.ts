/** How something is sent to a receiver that somebody else runs. Each platform has one way, with a guard of its own. */
import { isLoopback } from "../domain/loopback.ts";

export interface PushRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly reach: Reach;
}

/**
 * Which addresses may be spoken to. `public`: those of the internet. `loopback`: this machine's. `private`: those of the internet and those that
 * networks give out among themselves, this machine's included; never those by which clouds and networks are run (169.254.0.0/16, fe80::/10).
 */
export type Reach = "public" | "loopback" | "private";

/** What became of it. None of it is in the receiver's own words: who may choose a URL would otherwise read what is behind it. */
export type PostOutcome =
  /** An answer began, whatever it says and whether it ever ended. `retryAfterMs`: what it asks for, however long; `null`: nothing. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterMs: number | null }
  /** `blocked`: an address that must not be reached, so nothing was sent. `refused`: nobody listens there. */
  | { readonly kind: "refused" | "timeout" | "tls" | "blocked" | "other" };

/**
 * One POST, sent once. Follows no redirects, and takes 15 s at most. Of an answer at most 1 KiB is read, and thrown away. Never throws.
 *
 * @param signal ends it, as a stop does: what comes of it then is `other`, and the receiver may have got it
 */
export type Post = (request: PushRequest, signal?: AbortSignal) => Promise<PostOutcome>;

/** For the whole of one POST. */
export const postTimeoutMs = 15_000;

/** What is read of an answer: more of it is not worth the wait, and less would cost the connection. */
export const mostAnswerBytes = 1_024;

/**
 * @param configured what the settings say: a receiver's URL, or the prefix that a `callback_url` begins with
 * @param allowPrivate whether receivers in the settings may have private addresses; `false` for a `callback_url`
 */
export function reachOf(configured: string, allowPrivate: boolean): Reach {
  if (allowPrivate) return "private";
  return isLoopback(new URL(configured).hostname) ? "loopback" : "public";
}
