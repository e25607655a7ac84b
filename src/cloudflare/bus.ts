/** The bus on Workers: a queue that is bound, or a sink over HTTP. Each ticket's object sends its own events. */
import { busRenderer } from "../http/bus-events.ts";
import type { Bus, BusEvent, RenderForBus } from "../push/bus.ts";
import { httpBus } from "../push/http-bus.ts";
import { reachOf } from "../push/post.ts";
import { clock } from "./clock.ts";
import { settingsOf, type Environment } from "./environment.ts";
import { guardedFetch } from "./guarded-fetch.ts";

export interface WorkersBus {
  readonly render: RenderForBus;
  /** Rejects where something may not have arrived. */
  send(events: readonly BusEvent[]): Promise<void>;
}

/** One for all objects of an isolate. */
const known = new WeakMap<Environment, WorkersBus | null>();

/** An isolate says once in so long that the bus fails. */
const saidMs = 60_000;

/** @returns `null`: there is none here */
export function busOf(env: Environment): WorkersBus | null {
  const found = known.get(env);
  if (found !== undefined) return found;
  const { config, tell } = settingsOf(env);
  const bus = config === null ? null : openBus(env, config.bus.http);
  const made = bus === null || config === null ? null : saying(bus, busRenderer(config.environment), tell);
  known.set(env, made);
  return made;
}

const post = guardedFetch();

function openBus(
  { EVENTS }: Environment,
  http: { readonly url: string; readonly token: string | null } | null,
): Bus | null {
  if (EVENTS !== undefined) return queueBus(EVENTS);
  if (http === null) return null;
  const { url, token } = http;
  const reach = reachOf(url, false);
  // The events of one ticket go one after another.
  return httpBus({ token, post: (headers, body) => post({ url, headers, body, reach }), most: 1 });
}

function saying(bus: Bus, render: RenderForBus, tell: ReturnType<typeof settingsOf>["tell"]): WorkersBus {
  let saidAtMs = -Infinity;
  return {
    render,
    async send(events) {
      const published = await bus.publish(events);
      if (published.kind === "all") return;
      if (clock.nowMs() - saidAtMs >= saidMs) {
        saidAtMs = clock.nowMs();
        tell({ kind: "bus_failing", bus: bus.name, code: published.why, waiting: null });
      }
      throw new Error("the bus is away");
    },
  };
}

/** A message is a CloudEvent. */
function queueBus(queue: Queue<unknown>): Bus {
  return {
    name: "queue",
    async publish(events) {
      try {
        await queue.sendBatch(
          events.map(({ json }) => ({ body: JSON.parse(json) as unknown, contentType: "json" })),
        );
        return { kind: "all" };
      } catch (error) {
        const why = error instanceof Error ? error.name : "other";
        return { kind: "some", unsent: events, isAway: true, why, retryAfterMs: null };
      }
    },
    close: () => Promise.resolve(),
  };
}
