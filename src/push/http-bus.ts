/** The bus over HTTP: each event a POST of its own, in CloudEvents' structured mode (https://github.com/cloudevents/spec, http-protocol-binding). */
import type { Bus, BusEvent, Published } from "./bus.ts";
import type { PostOutcome } from "./post.ts";

export interface HttpBusParts {
  /** `null`: nobody asks who we are. */
  readonly token: string | null;
  /** Never rejects, and ends within seconds. */
  readonly post: (headers: Readonly<Record<string, string>>, body: string) => Promise<PostOutcome>;
  /** Tickets whose events are sent at once. */
  readonly most: number;
}

type Fault = Pick<Extract<Published, { kind: "some" }>, "why" | "retryAfterMs">;

export function httpBus({ token, post, most }: HttpBusParts): Bus {
  const headers = {
    "content-type": "application/cloudevents+json; charset=utf-8",
    ...(token !== null && { authorization: `Bearer ${token}` }),
  };

  return {
    name: "http",
    async publish(events) {
      const queues = [...byTicket(events)];
      const unsent = new Set(events);
      /** The first that went wrong. */
      let fault: Fault | null = null;
      let isAway = false;

      /** One ticket after another; of each, none after one that did not arrive. */
      async function sendTickets(): Promise<void> {
        for (let queue = queues.shift(); queue !== undefined && !isAway; queue = queues.shift()) {
          for (const event of queue) {
            const outcome = await post(headers, event.json);
            if (isTaken(outcome)) {
              unsent.delete(event);
              continue;
            }
            fault ??= faultOf(outcome);
            isAway ||= !isOfTheEvent(outcome);
            break;
          }
        }
      }

      await Promise.all(Array.from({ length: most }, sendTickets));
      if (fault === null) return { kind: "all" };
      return {
        kind: "some",
        unsent: events.filter((event) => unsent.has(event)),
        isAway,
        ...(fault as Fault),
      };
    },
    close: () => Promise.resolve(),
  };
}

function byTicket(events: readonly BusEvent[]): Iterable<readonly BusEvent[]> {
  return Map.groupBy(events, ({ queueId }) => queueId).values();
}

function isTaken(outcome: PostOutcome): boolean {
  return outcome.kind === "status" && outcome.status >= 200 && outcome.status < 300;
}

/** Such an answer says something of this event, and nothing of the others. */
function isOfTheEvent(outcome: PostOutcome): boolean {
  return outcome.kind === "status" && [400, 409, 413, 415, 422].includes(outcome.status);
}

function faultOf(outcome: PostOutcome): Fault {
  return outcome.kind === "status"
    ? { why: `HTTP ${outcome.status}`, retryAfterMs: outcome.retryAfterMs }
    : { why: outcome.kind, retryAfterMs: null };
}
