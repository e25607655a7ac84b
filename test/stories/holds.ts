/** Holds: who calls too fast waits and loses nothing, and nobody else waits for that. */
import { expect } from "vitest";
import { until } from "./desk.ts";
import type { Story } from "./story.ts";

const tight = "claude-opus-5-5";

export const holds: readonly Story[] = [
  {
    kind: "holds",
    at: "anthropic",
    name: "a model that lets one call a second through judges every ticket, and another tenant's model is not kept back",
    async tell(desk) {
      await desk.vendorSays({ fault: "bucket", everyMs: 1_000, forModel: tight, times: "forever" });
      const tickets = await desk.queueAll(6, () => ({ model: tight }));
      const live: number[] = [];
      const statuses = await until(
        async () => {
          live.push((await desk.live({ tenant: "two" })).status);
          return Promise.all(tickets.map(async (ticket) => (await desk.status(ticket))["status"]));
        },
        (statuses) => statuses.every((status) => status !== "queued" && status !== "processing"),
      );
      expect(statuses).toEqual(tickets.map(() => "completed"));
      expect(live.filter((status) => status !== 200)).toEqual([]);
      const ofTight = (await desk.calls()).filter(({ model }) => model === tight);
      expect(ofTight.filter(({ outcome }) => outcome === "answered")).toHaveLength(tickets.length);
      expect(ofTight.some(({ outcome }) => outcome === "rateLimited")).toBe(true);
    },
  },
  {
    kind: "holds",
    at: "google",
    name: "when the account is let in again, one answer ends the hold for all that wait",
    async tell(desk) {
      const message =
        "Your project has exceeded its monthly spending cap. Please go to AI Studio at https://ai.studio/spend to manage your project spend cap.";
      await desk.vendorSays({ fault: "status", status: 429, message, times: "forever" });
      const tickets = await desk.queueAll(12, (at) => ({ tenant: at % 2 === 0 ? "one" : "two" }));
      await until(
        () => desk.row(),
        ({ credentials }) => credentials === "quota_exceeded",
      );
      const asked = (await desk.calls()).length;
      // One ticket asks again and again; the others stand.
      await until(
        () => desk.calls(),
        (calls) => calls.length > asked + 1,
      );
      await desk.vendorSays();
      expect((await desk.live({ tenant: "three" })).status).toBe(200);
      await desk.untilJudged(tickets);
      await desk.untilCalm();
    },
  },
];
