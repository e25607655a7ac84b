/**
 * The end of the process: nothing new is taken, what is in flight may finish for a while, the rest becomes tickets or goes back to its place.
 * At most a second longer than a live request may take, and never longer than 21 s, counted from when the door closes: supervisors commonly kill
 * after 30.
 */
import { inTime } from "../gateway/deadline.ts";
import type { Clock } from "../gateway/ports.ts";
import type { HttpServer } from "./http/server.ts";
import type { SqliteStore } from "./sqlite/store.ts";

/** From when the door closes to the exit. */
export function longestStopMs(requestTimeoutMs: number): number {
  return Math.min(patienceMs, requestTimeoutMs) + 1_000;
}

/** How long what is in flight may take to finish by itself, unless a request's own time limit is less. */
const patienceMs = 20_000;
/** And then to be ended: calls are aborted, tickets stored. What is left of the second is the log's. */
const endingMs = 600;
const closingMs = 300;

export interface Running {
  readonly http: Pick<HttpServer, "leave">;
  readonly stores: Pick<SqliteStore, "rest" | "close">;
  /** Whoever sends what is told of tickets. Absent or `null`: nobody does. */
  readonly webhooks?: { rest(): Promise<void> } | null;
  readonly clock: Clock;
  /** Ends the calls of the flow. */
  readonly stopping: AbortController;
  /** The longest that a live request may take. */
  readonly requestTimeoutMs: number;
}

/** @returns when everything is stored and closed, or its time is up */
export async function stopGracefully(running: Running): Promise<void> {
  const { http, stores, webhooks, clock, stopping, requestTimeoutMs } = running;
  const limitMs = Math.min(patienceMs, requestTimeoutMs);

  async function untilClosed(): Promise<void> {
    const atRest = Promise.all([http.leave(clock), stores.rest(), webhooks?.rest()]).then(() => "at rest");
    if ((await inTime(clock, limitMs, atRest)) === undefined) {
      stopping.abort("stopping");
      await inTime(clock, endingMs, atRest);
    }
    await stores.close();
  }

  await inTime(clock, limitMs + endingMs + closingMs, untilClosed());
}
