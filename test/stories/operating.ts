/** Operating: what an operator does at one process, or in one isolate, all obey; what all tenants have, an operator sees. */
import { expect } from "vitest";
import { until, type Desk, type Ticket } from "./desk.ts";
import type { Story } from "./story.ts";
import { readerKey } from "./world.ts";

type Rows = readonly Record<string, unknown>[];

export const operating: readonly Story[] = [
  {
    kind: "operating",
    at: "anthropic",
    name: "a vendor that is paused at one process is called by none, for none of its tenants, until it is resumed at another; nothing is lost",
    async tell(desk) {
      await desk.vendorSays();
      await desk.untilCalm();
      const paused = await order(desk, "pause");
      expect(paused).toMatchObject({ paused: true, available: false, paused_by: "ops" });
      // Whoever has a snapshot of the gate still goes by it, for two seconds at most. Which process answers a request isn't known here: other stories ask, too.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const before = (await desk.calls()).length;
      const live = await desk.live({ tenant: "two" });
      expect([live.status, live.body["error_type"]]).toEqual([503, "CIRCUIT_BREAKER_OPEN"]);
      const tickets: Ticket[] = [];
      for (const tenant of ["one", "two", "three"] as const) {
        const { status, body } = await desk.ask({ tenant });
        expect([status, body["retry_after"]]).toEqual([202, 60]);
        tickets.push({ id: String(body["queue_id"]), tenant });
        tickets.push(await desk.queue({ tenant }));
      }
      expect(await order(desk, "probe")).toMatchObject({ paused: true });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await desk.expectWaiting(tickets);
      expect((await desk.calls()).length).toBe(before);
      expect(await desk.row()).toMatchObject({ paused: true, queue: { size: tickets.length } });
      expect(String((await desk.health()).body["warnings"])).toContain(
        `${desk.vendor} is paused by an operator`,
      );

      const seen = await everything(desk);
      for (const { id, tenant } of tickets)
        expect(seen.find(({ queue_id }) => queue_id === id)).toMatchObject({ tenant, status: "queued" });

      const last = tickets.pop();
      const cancelled = await untilThere(() => desk.operator(`tickets/${last?.id}`, "DELETE"));
      expect([cancelled.status, cancelled.body]).toMatchObject([
        200,
        { status: "cancelled", tenant: "three" },
      ]);

      expect(await order(desk, "resume")).toMatchObject({ paused: false, paused_by: null });
      await desk.untilJudged(tickets);
      await desk.untilCalm();
      expect(last && (await desk.status(last))).toMatchObject({ error_type: "REQUEST_CANCELLED" });
      const actions = (await untilThere(() => desk.operator("actions"))).body["actions"] as Rows;
      expect(actions.filter(({ provider }) => provider === desk.vendor)).toMatchObject([
        { operator: "ops", action: "resume" },
        { operator: "ops", action: "cancel", queue_id: last?.id, tenant: "three" },
        { operator: "ops", action: "probe" },
        { operator: "ops", action: "pause" },
      ]);
    },
  },
  {
    kind: "operating",
    at: "anthropic",
    name: "who may only look sees the lists, and changes nothing",
    async tell(desk) {
      const [ticket] = await desk.queueAll(1);
      for (const path of ["tickets", "actions"])
        expect((await untilThere(() => desk.operator(path, "GET", readerKey))).status).toBe(200);
      const asked = [
        await desk.operator(`providers/${desk.vendor}/pause`, "POST", readerKey),
        await desk.operator(`tickets/${ticket?.id}`, "DELETE", readerKey),
      ];
      expect(asked.map(({ status }) => status)).toEqual([403, 403]);
      expect((await desk.row()).paused).toBe(false);
      await desk.untilJudged(ticket === undefined ? [] : [ticket]);
    },
  },
];

async function order(desk: Desk, verb: "pause" | "resume" | "probe"): Promise<Record<string, unknown>> {
  const { status, body } = await untilThere(() => desk.operator(`providers/${desk.vendor}/${verb}`, "POST"));
  expect(status).toBe(200);
  return body;
}

/** Every page of all tenants' tickets at the vendor. */
async function everything(desk: Desk): Promise<Rows> {
  const rows: Record<string, unknown>[] = [];
  for (let cursor: unknown = ""; cursor !== null;) {
    const query = `tickets?provider=${desk.vendor}&limit=4${cursor === "" ? "" : `&cursor=${String(cursor)}`}`;
    const { body } = await untilThere(() => desk.operator(query));
    rows.push(...(body["tickets"] as Rows));
    cursor = body["cursor"];
  }
  expect(new Set(rows.map(({ queue_id }) => queue_id)).size).toBe(rows.length);
  return rows;
}

/** Asked again where a store can't be reached: all that is asked so can be asked again. */
function untilThere(ask: () => ReturnType<Desk["operator"]>) {
  return until(ask, ({ status }) => status !== 503);
}
