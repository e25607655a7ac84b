/** The bus over HTTP, with a receiver that answers as it is told. */
import { expect, it } from "vitest";
import type { BusEvent } from "../../src/push/bus.ts";
import { httpBus } from "../../src/push/http-bus.ts";
import type { PostOutcome } from "../../src/push/post.ts";

const eventOf = (queueId: string, number: number): BusEvent => ({
  id: `${queueId}${number}`,
  queueId,
  json: `${queueId}${number}`,
});
const ok: PostOutcome = { kind: "status", status: 204, retryAfterMs: null };
const status = (status: number, retryAfterMs: number | null = null): PostOutcome => ({
  kind: "status",
  status,
  retryAfterMs,
});

function busTo(answer: (body: string) => PostOutcome, most = 2, token: string | null = null) {
  const posts: string[] = [];
  const headers: unknown[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const bus = httpBus({
    token,
    most,
    async post(given, body) {
      headers.push(given);
      mostAtOnce = Math.max(mostAtOnce, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      posts.push(body);
      atOnce--;
      return answer(body);
    },
  });
  return { bus, posts, headers, mostAtOnce: () => mostAtOnce };
}

const events = [
  eventOf("a", 1),
  eventOf("b", 1),
  eventOf("a", 2),
  eventOf("c", 1),
  eventOf("b", 2),
  eventOf("a", 3),
];

it("sends each event by itself, of one ticket in its order, of several at once, and of no more than it may", async () => {
  const { bus, posts, mostAtOnce } = busTo(() => ok);
  expect(await bus.publish(events)).toEqual({ kind: "all" });
  for (const queueId of ["a", "b", "c"])
    expect(posts.filter((body) => body.startsWith(queueId))).toEqual(
      events.filter((event) => event.queueId === queueId).map(({ json }) => json),
    );
  expect(posts).toHaveLength(6);
  expect(mostAtOnce()).toBe(2);
});

it.each([
  ["2xx alone is taken", status(302), "HTTP 302"],
  ["a receiver that is being repaired", status(404), "HTTP 404"],
  ["one that has no time", status(503, 7_000), "HTTP 503"],
  ["one that is not there", { kind: "refused" } as const, "refused"],
])("%s: what did not arrive is to be sent again, and nobody else is tried", async (_, outcome, why) => {
  const { bus, posts } = busTo((body) => (body === "a2" ? outcome : ok), 1);
  const published = await bus.publish(events);
  const retryAfterMs = outcome.kind === "status" ? outcome.retryAfterMs : null;
  expect(published).toEqual({ kind: "some", unsent: events.slice(1), isAway: true, why, retryAfterMs });
  expect(posts).toEqual(["a1", "a2"]);
});

it("an event that is refused for itself holds up its ticket, and no other", async () => {
  const { bus, posts } = busTo((body) => (body === "a2" ? status(400) : ok), 1);
  expect(await bus.publish(events)).toMatchObject({
    unsent: [events[2], events[5]],
    isAway: false,
    why: "HTTP 400",
  });
  expect(posts).toEqual(["a1", "a2", "b1", "b2", "c1"]);
});

it("says who it is, where it has a token", async () => {
  const without = busTo(() => ok);
  await without.bus.publish([eventOf("a", 1)]);
  expect(without.headers).toEqual([{ "content-type": "application/cloudevents+json; charset=utf-8" }]);
  const { bus, headers } = busTo(() => ok, 2, "secret");
  await bus.publish([eventOf("a", 1)]);
  expect(headers).toMatchObject([{ authorization: "Bearer secret" }]);
});
