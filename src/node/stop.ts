/** The end of the process, within 30 s: nothing new, what is in flight may finish for a while, the rest becomes tickets or goes back to its place. */
import type { ServerType } from "@hono/node-server";
import { inTime } from "../gateway/deadline.ts";
import type { Clock } from "../gateway/ports.ts";
import type { SqliteStore } from "./sqlite/store.ts";

/** How long calls in flight may take to finish by themselves, and then to be ended. */
const patienceMs = 20_000;
const endingMs = 8_000;
/** Connections that have become idle are looked for this often. */
const sweepMs = 100;

export interface Running {
  readonly server: ServerType;
  readonly stores: Pick<SqliteStore, "rest" | "close">;
  readonly clock: Clock;
  /** Ends the calls of the flow. */
  readonly stopping: AbortController;
}

/** @returns when everything is stored and closed */
export async function stopGracefully({ server, stores, clock, stopping }: Running): Promise<void> {
  const atRest = Promise.all([closed(server, clock), stores.rest()]).then(() => "at rest");
  if ((await inTime(clock, patienceMs, atRest)) === undefined) {
    stopping.abort("stopping");
    await inTime(clock, endingMs, atRest);
  }
  await stores.close();
}

/** No new connections; those that are kept alive end when their answer is sent. */
function closed(server: ServerType, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let cancel = clock.after(0, sweep);
    server.close(() => {
      cancel();
      resolve();
    });
    function sweep(): void {
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      cancel = clock.after(sweepMs, sweep);
    }
  });
}
