/** What the routes need from the platform under them. */
import type { Context } from "hono";
import type { Reader } from "../push/follow.ts";
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
  /** Ends the connection of an answer at once, whatever of it is on its way. Absent: an error in a body does so. */
  cutOff?(c: Context): void;
  readonly sockets: Sockets;
  /** Lets work that follows the response finish (a Worker may otherwise be stopped). */
  finishLater(c: Context, work: Promise<unknown>): void;
}

/** Who keeps a WebSocket that was asked for. */
type Sockets =
  /**
   * This process. `isAsked`: has the request's connection been made free for one? `take`: the request's, whose answer is 101 then.
   * @param onGone hears when the other side is gone
   */
  | { readonly kind: "here"; isAsked(c: Context): boolean; take(c: Context, onGone: () => void): Reader }
  /** The ticket itself, wherever it is: it is handed the request. @param told the event behind which it is told */
  | { readonly kind: "at_ticket"; hand(c: Context, queueId: string, told: number): Promise<Response> };

export type BodyFault = "too_large" | "not_utf8" | "hung_up" | "no_room";

/** So much of a body of unknown length is held unasked. */
export const unaskedBytes = 65_536;
