/** The breaker: what is wrong with one tenant's texts, or with one model, is not wrong with the provider. */
import { expect } from "vitest";
import { until } from "./desk.ts";
import type { Story } from "./story.ts";

const ill = "anthropic/claude-sonnet-5.5";
const well = "deepseek/deepseek-chat-v3.1";

export const breaker: readonly Story[] = [
  {
    kind: "breaker",
    at: "google",
    name: "sixteen texts of one tenant that the vendor can't bear cost another tenant neither a live call nor a ticket",
    async tell(desk) {
      await desk.vendorSays({ fault: "serverError", forText: "poison", times: "forever" });
      const live = [(await desk.live({ tenant: "two" })).status];
      const poison = await desk.queueAll(16, (at) => ({ text: `poison number ${at}` }));
      const good = await desk.queueAll(4, () => ({ tenant: "two" }));
      const states = new Set<string>();
      await until(
        async () => {
          live.push((await desk.live({ tenant: "two" })).status);
          states.add((await desk.row()).circuit_breaker_state);
          return (await desk.calls()).filter(({ outcome }) => outcome === "serverError");
        },
        // All of them, and some twice.
        (faults) => faults.length >= 20,
      );
      expect(live.filter((status) => status !== 200)).toEqual([]);
      expect([...states]).toEqual(["closed"]);
      await desk.untilJudged(good);
      await desk.vendorSays();
      await desk.untilJudged(poison);
      await desk.untilCalm();
    },
  },
  {
    kind: "breaker",
    at: "openrouter",
    name: "of two models one is down: it alone is held, the other's live calls are all answered, and nothing is lost",
    async tell(desk) {
      await desk.vendorSays({ fault: "unavailable", forModel: ill, times: "forever" });
      const live = [(await desk.live({ tenant: "two", model: well })).status];
      const tickets = await desk.queueAll(3, () => ({ model: ill }));
      const states = new Set<string>();
      const { models_held } = await until(
        async () => {
          live.push((await desk.live({ tenant: "two", model: well })).status);
          const row = await desk.row();
          states.add(row.circuit_breaker_state);
          return row;
        },
        (row) => row.models_held.length > 0,
      );
      expect(models_held).toMatchObject([{ model: ill, reason: "faults" }]);
      expect(["CIRCUIT_BREAKER_OPEN", "SERVICE_UNAVAILABLE"]).toContain(
        (await desk.live({ model: ill })).body["error_type"],
      );
      for (let call = 0; call < 10; call++)
        live.push((await desk.live({ tenant: "two", model: well })).status);
      expect(live.filter((status) => status !== 200)).toEqual([]);
      states.add((await desk.row()).circuit_breaker_state);
      expect([...states]).toEqual(["closed"]);
      await desk.vendorSays();
      await desk.untilJudged(tickets);
      expect((await desk.live({ model: ill })).status).toBe(200);
    },
  },
];
