/** What the routes need from the platform under them. */
import type { Context } from "hono";
import type { Result } from "../domain/result.ts";

export interface Platform {
  readonly name: "node" | "cloudflare";
  /**
   * Reads a request's body as UTF-8 and stops at the limit, so that an oversized body is never held whole.
   * @param maxBytes the largest body that is read
   * @param mayRead asked before more of a body of unknown length is read than it was asked for: is there room for so many bytes? Absent: there is
   */
  readBody(
    c: Context,
    maxBytes: number,
    mayRead?: (bytes: number) => boolean,
  ): Promise<Result<string, BodyFault>>;
  /** Runs `then` when the client goes away before it has its answer; the returned function ends the watch. */
  onHangUp(c: Context, then: () => void): () => void;
  /** Lets work that follows the response finish (a Worker may otherwise be stopped). */
  finishLater(c: Context, work: Promise<unknown>): void;
}

export type BodyFault = "too_large" | "not_utf8" | "hung_up" | "no_room";

/** So much of a body of unknown length is held unasked. */
export const unaskedBytes = 65_536;
