/** Cancelling: whoever asks for a ticket and takes it back, again and again, gets no more out of the vendor than anybody else. */
import { expect } from "vitest";
import type { RecordedRequest } from "../../tools/fake-upstream/script.ts";
import type { Desk } from "./desk.ts";
import type { Story } from "./story.ts";

/** `QUEUE_CONCURRENCY` as it is unless told. */
const concurrency = 8;
const clients = 20;
const rounds = 5;
const looks = 20;
const betweenLooksMs = 50;

export const cancelling: readonly Story[] = [
  {
    kind: "cancelling",
    at: "anthropic",
    name: "a hundred rounds of queue and cancel never have more calls under way than there are permits, and leave all of these free",
    async tell(desk) {
      await desk.vendorSays({ delayMs: 3_000, times: "forever" });
      const startMs = Date.now();
      await Promise.all(Array.from({ length: clients }, (_, at) => takeBack(desk, at)));
      const calls = (await desk.calls()).filter(({ receivedAtMs }) => receivedAtMs >= startMs);
      expect(calls.length).toBeGreaterThan(concurrency);
      await desk.untilCalm();
      const peak = mostAtOnce((await desk.calls()).filter(({ receivedAtMs }) => receivedAtMs >= startMs));
      expect(peak).toBeGreaterThan(concurrency / 2);
      expect(peak).toBeLessThanOrEqual(concurrency);

      await desk.vendorSays();
      await desk.untilJudged(await desk.queueAll(2 * concurrency));
    },
  },
];

/** One client: every other round it waits until its ticket is called for. */
async function takeBack(desk: Desk, number: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const ticket = await desk.queue();
    if ((number + round) % 2 === 0) await seenCalled(desk, ticket);
    const { status, body } = await desk.cancel(ticket);
    // A call may have come to its end in the same moment.
    expect([200, 409]).toContain(status);
    expect(await desk.status(ticket)).toMatchObject({
      status: status === 200 ? "cancelled" : expect.stringMatching(/completed|failed/),
    });
    if (status === 200) expect(body["error_type"]).toBe("REQUEST_CANCELLED");
  }
}

async function seenCalled(desk: Desk, ticket: Parameters<Desk["status"]>[0]): Promise<void> {
  for (let look = 0; look < looks; look++) {
    if ((await desk.status(ticket))["status"] !== "queued") return;
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs));
  }
}

/** At least: a call that was broken off is over when its end can have come, also where the upstream heard of it later than of the next call. */
function mostAtOnce(calls: readonly RecordedRequest[]): number {
  const changes = calls.flatMap(({ receivedAtMs, endedFromMs }) => [
    { atMs: receivedAtMs, by: 1 },
    ...(endedFromMs === null ? [] : [{ atMs: Math.max(receivedAtMs, endedFromMs), by: -1 }]),
  ]);
  let now = 0;
  let most = 0;
  for (const { by } of changes.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
