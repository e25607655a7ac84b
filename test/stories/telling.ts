/** Being told: whoever waits for a ticket, or listens to it, hears of it at whichever process it happens, and nobody else does. */
import { expect } from "vitest";
import type { Desk, Ticket } from "./desk.ts";
import type { Story } from "./story.ts";

const callMs = 1_500;
/** Between what happens and what is heard of it: far less than the 15 s after which it is looked for again where hints were lost. */
const soonMs = 5_000;

export const telling: readonly Story[] = [
  {
    kind: "telling",
    at: "openrouter",
    name: "a result that is waited for comes when the ticket ends, and each process says so",
    async tell(desk) {
      await desk.vendorSays({ delayMs: callMs, times: "forever" });
      const ticket = await desk.queue();
      const sinceMs = Date.now();
      const waiting = await Promise.all(
        ["results", "results", "status", "status"].map((which) =>
          desk.read(ticket, `/${which}/`, "?wait=30"),
        ),
      );
      expect(waiting.map(({ status, body }) => [status, body["winner"] ?? body["status"]])).toEqual([
        [200, "Essay A"],
        [200, "Essay A"],
        [200, "completed"],
        [200, "completed"],
      ]);
      expect(Date.now() - sinceMs).toBeLessThan(callMs + soonMs);
      await desk.vendorSays();
    },
  },
  {
    kind: "telling",
    at: "openrouter",
    name: "each of its events is told as it happens, in order, once, the same at each process, and then nothing more",
    async tell(desk) {
      await desk.vendorSays({ delayMs: callMs, times: "forever" });
      const ticket = await desk.queue({ metadata: { pair: 17 } });
      const sinceMs = Date.now();
      const [here, there] = await Promise.all([events(desk, ticket), events(desk, ticket)]);
      expect(Date.now() - sinceMs).toBeLessThan(callMs + soonMs);
      expect(here.map(({ id, event, data }) => [id, event, data["status"], data["metadata"]])).toEqual([
        ["1", "ticket.queued", "queued", { pair: 17 }],
        ["2", "ticket.processing", "processing", { pair: 17 }],
        ["3", "ticket.completed", "completed", { pair: 17 }],
      ]);
      expect(there).toEqual(here);
      expect((await events(desk, ticket, "?after=2")).map(({ id }) => id)).toEqual(["3"]);
      expect((await desk.read(ticket, "/status/", "/events?after=3")).status).toBe(204);
      expect((await desk.read({ ...ticket, tenant: "two" }, "/status/", "/events")).status).toBe(404);
      await desk.vendorSays();
    },
  },
  {
    kind: "telling",
    at: "openrouter",
    name: "that it was cancelled is heard at once, though its call goes on",
    async tell(desk) {
      await desk.vendorSays({ delayMs: 20_000, times: "forever" });
      const ticket = await desk.queue();
      const listening = [events(desk, ticket), events(desk, ticket)];
      await new Promise((resolve) => setTimeout(resolve, callMs));
      const sinceMs = Date.now();
      await desk.cancel(ticket);
      for (const heard of await Promise.all(listening))
        expect(heard.at(-1)).toMatchObject({
          event: "ticket.cancelled",
          data: {
            cancelled_by: "owner",
            error_type: "REQUEST_CANCELLED",
            event_type: "QUEUE_REQUEST_FAILED",
          },
        });
      expect(Date.now() - sinceMs).toBeLessThan(soonMs);
      await desk.vendorSays();
    },
  },
  {
    kind: "telling",
    at: "openrouter",
    name: "a feed that waits is answered with the next end, at whichever process it comes",
    async tell(desk) {
      await desk.vendorSays({ delayMs: callMs, times: "forever" });
      let page = await desk.feed("three", "?limit=100");
      while (page.events.length > 0) page = await desk.feed("three", `?after=${page.cursor}`);
      const ticket = await desk.queue({ tenant: "three" });
      const sinceMs = Date.now();
      const told: unknown[] = [];
      // Others' stories may have tickets that end meanwhile.
      while (!told.includes(ticket.id) && Date.now() - sinceMs < 30_000) {
        page = await desk.feed("three", `?wait=30&after=${page.cursor}`);
        told.push(...page.events.map(({ data }) => data["queue_id"]));
      }
      expect(told).toContain(ticket.id);
      expect(Date.now() - sinceMs).toBeLessThan(callMs + soonMs);
      await desk.vendorSays();
    },
  },
];

interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** All that a stream of events tells until it ends. */
async function events(desk: Desk, ticket: Ticket, query = ""): Promise<readonly Frame[]> {
  const { status, text } = await desk.read(ticket, "/status/", `/events${query}`);
  expect(status).toBe(200);
  return text.split("\n\n").flatMap((block) => {
    const [, id, event, data] = /^id: (\d+)\nevent: (\S+)\ndata: (.*)$/.exec(block) ?? [];
    if (id === undefined || event === undefined || data === undefined) return [];
    return [{ id, event, data: JSON.parse(data) as Frame["data"] }];
  });
}
