/** Who speaks: what comes from something between us and the vendor is nobody's verdict. */
import { expect } from "vitest";
import type { Step, VendorName } from "../../tools/fake-upstream/script.ts";
import { until, type Desk } from "./desk.ts";
import type { Story } from "./story.ts";

const pages: readonly (readonly [what: string, at: VendorName, step: Step])[] = [
  ["a page with a 404", "openai", { fault: "html", status: 404 }],
  ["a page with a 200", "anthropic", { fault: "html" }],
  ["a 200 of nothing", "google", { fault: "empty" }],
  ["a 204", "openrouter", { fault: "empty", status: 204 }],
  ["a redirect", "anthropic", { fault: "redirect", location: "http://127.0.0.1:9/login" }],
];

export const whoSpeaks: readonly Story[] = pages.map(([what, at, step]) => ({
  kind: "who speaks",
  at,
  name: `${what} in place of the vendor ends no ticket, is said on the health page, and is told to nobody as a verdict`,
  tell: (desk) => livedThrough(desk, { ...step, times: "forever" }),
}));

async function livedThrough(desk: Desk, page: Step): Promise<void> {
  const { vendor } = desk;
  await desk.vendorSays(page);
  const tickets = await desk.queueAll(4, (at) => ({ tenant: at % 2 === 0 ? "one" : "two" }));
  const live: unknown[] = [];
  await until(
    async () => {
      const { status, body } = await desk.live();
      live.push([status, body["error_type"]]);
      return (await desk.health()).body;
    },
    ({ status, warnings }) =>
      status === "degraded" &&
      (warnings as readonly string[]).some((said) => said.startsWith(`${vendor} is down: `)),
  );
  const kinds = new Set(live.map((answer) => JSON.stringify(answer)));
  kinds.delete('[503,"SERVICE_UNAVAILABLE"]');
  kinds.delete('[503,"CIRCUIT_BREAKER_OPEN"]');
  expect([...kinds]).toEqual([]);

  // Who can wait gets a ticket.
  const kept = await desk.ask({ tenant: "two" });
  expect(kept.status).toBe(202);
  tickets.push({ id: String(kept.body["queue_id"]), tenant: "two" });
  await desk.expectWaiting(tickets);

  await desk.vendorSays();
  await desk.untilJudged(tickets);
  await desk.untilCalm();
}
