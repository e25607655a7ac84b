/** Bounded: what is stored beside a ticket's texts counts too, also when the ticket has ended. */
import { expect } from "vitest";
import { until, type Ticket } from "./desk.ts";
import type { Story } from "./story.ts";

const asked = 60;
const metadata = { note: "n".repeat(16_000) };

export const bounded: readonly Story[] = [
  {
    kind: "bounded",
    at: "google",
    name: "tickets with little text and much metadata fill the queue, which says so, also when all of them have ended",
    async tell(desk) {
      await desk.vendorSays({ fault: "unavailable", times: "forever" });
      const accepted: Ticket[] = [];
      const answers: unknown[] = [];
      for (let at = 0; at < asked; at++) {
        const { status, body } = await desk.tryToQueue({ metadata });
        answers.push(body["error_type"] ?? status);
        if (status === 202) accepted.push({ id: String(body["queue_id"]), tenant: "one" });
      }
      // 0.8 of a megabyte, in tickets of 17 KB.
      expect(accepted.length).toBeGreaterThan(40);
      expect(accepted.length).toBeLessThan(asked - 5);
      expect(answers).toEqual(
        Array.from({ length: asked }, (_, at) => (at < accepted.length ? 202 : "QUEUE_FULL")),
      );
      const { queue } = await desk.row();
      expect(queue).toMatchObject({ size: accepted.length, accepting: false });
      expect(queue.size_bytes).toBeLessThanOrEqual(queue.max_bytes);
      expect(queue.size_bytes).toBeGreaterThan(accepted.length * 16_000);

      await desk.vendorSays();
      await desk.untilJudged(accepted);
      for (const ticket of accepted.slice(0, 2))
        expect((await desk.status(ticket))["metadata"]).toEqual(metadata);
      // What ended tickets hold until they are forgotten is stored as well.
      await until(
        () => desk.row(),
        (row) => row.queue.size === 0,
      );
      expect((await desk.tryToQueue()).body["error_type"]).toBe("QUEUE_FULL");
    },
  },
];
