/** Nothing thrown is lost: what a call had taken is given back at once, and its ticket is kept. */
import { expect } from "vitest";
import type { Story } from "./story.ts";
import { throwingText } from "./throwing-text.ts";

/** As many as may be called for at once. */
const permits = 8;
/** What a call had taken and is not given back is free again when its lease is over, after 75 s. */
const longBeforeLeaseMs = 50_000;

export const thrown: readonly Story[] = [
  {
    kind: "thrown",
    at: "openai",
    name: "an adapter that throws is a 500 for a live call, keeps its tickets, and leaves every permit to the next one",
    async tell(desk) {
      await desk.vendorSays();
      const live = await desk.live({ text: throwingText });
      expect([live.status, live.body["error_type"]]).toEqual([500, "INTERNAL_ERROR"]);
      expect(live.text).not.toContain("TypeError");
      const throwing = await desk.queueAll(permits, () => ({ text: throwingText }));
      const good = await desk.queue({ tenant: "two" });
      await desk.untilJudged([good], longBeforeLeaseMs);
      await desk.expectWaiting(throwing);
      expect((await desk.live({ tenant: "two" })).status).toBe(200);
      expect((await desk.row()).circuit_breaker_state).toBe("closed");
      // None of them came to the vendor.
      expect((await desk.calls()).filter(({ bodyText }) => bodyText.includes(throwingText))).toEqual([]);
    },
  },
];
