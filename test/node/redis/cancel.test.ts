/** A ticket that is cancelled at one process while another of the same Redis makes its call. */
import { describe, expect, inject, it } from "vitest";
import { measureLateness } from "../../support/lateness.ts";
import { startPair, until } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");

/** The promise. */
const brokenOffWithinMs = 1_000;

describe.skipIf(!hasRedis("a ticket that another process calls for"))("a ticket that is cancelled", () => {
  it("has its call broken off by whichever process makes it, and whoever is next goes on", async (context) => {
    const { first, second } = await startPair(context, upstreamUrl, "redis-cancel", {
      LLM_REQUEST_TIMEOUT_SECONDS: "800",
      QUEUE_CONCURRENCY: "1",
    });
    const members = [first, second];
    for (const { lane } of members) await lane.script([{ fault: "stall" }]);
    const accepted = await first.service.compare({ processing_mode: "queue" });
    const waiting = await first.service.compare({ processing_mode: "queue" });
    expect([accepted.status, waiting.status]).toEqual([202, 202]);
    const calls = await until(
      () => Promise.all(members.map(({ lane }) => lane.requests("judgement"))),
      (made) => made.flat().length > 0,
    );
    const [caller, other] = calls[0]?.length === 1 ? [first, second] : [second, first];
    await other.lane.clear();

    const lateness = measureLateness();
    const cancelled = await other.service.request(`/api/v1/tickets/${String(accepted.body["queue_id"])}`, {
      method: "DELETE",
    });
    expect([cancelled.status, cancelled.body["status"]]).toEqual([200, "cancelled"]);
    const cancelledAtMs = performance.now();
    await until(
      async () => (await caller.lane.requests("judgement")).map(({ aborted }) => aborted),
      (areAborted) => areAborted[0] === true,
    );
    expect(performance.now() - cancelledAtMs - lateness.mostMs()).toBeLessThan(brokenOffWithinMs);

    // There is room for one call only, which was the cancelled one's until that was over.
    const result = await until(
      () => other.service.request(String(waiting.body["results_url"])),
      ({ status }) => status === 200,
    );
    expect(result.body).toMatchObject({ queue_id: waiting.body["queue_id"] });
    for (const { service } of members) {
      const results = await service.request(String(accepted.body["results_url"]));
      expect([results.status, results.body["error_type"]]).toEqual([410, "REQUEST_CANCELLED"]);
    }
    // None was made in vain, nor two at once.
    const made = await Promise.all(members.map(({ lane }) => lane.requests("judgement")));
    expect(made.flat()).toHaveLength(2);
  }, 120_000);
});
