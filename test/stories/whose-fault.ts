/** Whose fault it is: a ticket outlives its provider's day, and is ended by its own faults alone. */
import { expect } from "vitest";
import { until } from "./desk.ts";
import type { Story } from "./story.ts";

export const whoseFault: readonly Story[] = [
  {
    kind: "whose fault",
    at: "openai",
    name: "one ticket alone is judged after an outage, though as many of its calls failed as it has attempts",
    async tell(desk) {
      await desk.vendorSays({ fault: "unavailable", times: "forever" });
      const ticket = await desk.queue();
      const waiting = await until(
        () => desk.status(ticket),
        ({ retry_count }) => Number(retry_count) >= 2,
      );
      expect(waiting).toMatchObject({ error_type: "SERVICE_UNAVAILABLE", result_available: false });
      expect(["queued", "processing"]).toContain(waiting["status"]);
      expect((await desk.result(ticket)).status).toBe(202);
      await desk.vendorSays();
      await desk.untilJudged([ticket]);
      const result = await desk.result(ticket);
      expect(result).toMatchObject({ status: 200, body: { winner: "Essay A", provider: "openai" } });
    },
  },
  {
    kind: "whose fault",
    at: "openrouter",
    name: "a text that the vendor can't bear has not failed after a few calls, while all others are judged",
    async tell(desk) {
      await desk.vendorSays({ fault: "serverError", forText: "poison", times: "forever" });
      expect((await desk.live({ tenant: "two" })).status).toBe(200);
      const poison = await desk.queue({ text: "poison" });
      const good = await desk.queueAll(3, () => ({ tenant: "two" }));
      const live: number[] = [];
      const waiting = await until(
        async () => {
          live.push((await desk.live({ tenant: "two" })).status);
          return desk.status(poison);
        },
        // The first may have been alone, and would not count. Of the others only those that lie a minute apart are charged to it.
        ({ retry_count }) => Number(retry_count) >= 3,
      );
      expect(["queued", "processing"]).toContain(waiting["status"]);
      expect(live.filter((status) => status !== 200)).toEqual([]);
      await desk.untilJudged(good);
      expect((await desk.row()).circuit_breaker_state).toBe("closed");
      await desk.vendorSays();
      await desk.untilJudged([poison]);
    },
  },
];
