/** The door: what would have chosen another judge, or can't be kept as it was written, is refused before anybody is asked. */
import { expect } from "vitest";
import { goodBody } from "../support/answers.ts";
import type { Story } from "./story.ts";

const judge = { provider_override: "openrouter" };

export const door: readonly Story[] = [
  {
    kind: "the door",
    at: "openrouter",
    name: "a misspelt judge, half a letter, a file and broken JSON are refused by name, and the vendor hears of none",
    async tell(desk) {
      await desk.vendorSays();
      const before = (await desk.calls()).length;
      const refused = [
        [{ ...goodBody, llm_config_overrides: { ...judge, model: "x" } }, "model_override"],
        [{ ...goodBody, essay_b: "\ud800", llm_config_overrides: judge }, "essay_b"],
        [{ ...goodBody, essay_a: "PK\u0003\u0004", llm_config_overrides: judge }, "essay_a"],
        [
          { ...goodBody, llm_config_overrides: { ...judge, system_prompt_override: " " } },
          "system_prompt_override",
        ],
        ['{"essay_a":\n  "a",}', "line 2"],
      ] as const;
      for (const [body, named] of refused) {
        const { status, text } = await desk.send(body);
        expect([status, text]).toEqual([400, expect.stringContaining(named)]);
      }
      expect((await desk.calls()).length).toBe(before);
    },
  },
  {
    kind: "the door",
    at: "openrouter",
    name: "a ticket is found by its id in either case",
    async tell(desk) {
      await desk.vendorSays();
      const { body } = await desk.send({
        ...goodBody,
        llm_config_overrides: judge,
        processing_mode: "queue",
      });
      const ticket = { id: String(body["queue_id"]), tenant: "one" } as const;
      await desk.untilJudged([ticket]);
      const inCapitals = { ...ticket, id: ticket.id.toUpperCase() };
      // An id of digits alone would show nothing.
      expect(inCapitals.id).not.toBe(ticket.id);
      const [one, other] = [await desk.result(ticket), await desk.result(inCapitals)];
      expect([other.status, other.text]).toEqual([200, one.text]);
    },
  },
  {
    kind: "the door",
    at: "openrouter",
    name: "metadata of more than 100 levels is refused by its depth, and each fault stands in details too",
    async tell(desk) {
      for (const levels of [101, 8_000]) {
        const deep = `{"k":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
        const body = JSON.stringify({ ...goodBody, essay_a: "" }).replace(/}$/, `,"metadata":${deep}}`);
        const { status, body: answer } = await desk.send(body);
        expect([status, answer["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
        expect(answer["details"]).toMatch(/essay_a: .*metadata: must be at most 100 levels deep/);
      }
    },
  },
  {
    kind: "the door",
    at: "openrouter",
    name: "metadata comes back as it was written, at once and from a ticket, and unknown fields are named",
    async tell(desk) {
      await desk.vendorSays();
      const written = '{"id":1234567890123456789, "z":1.0,"a":[1e2]}';
      const body = (mode: string) =>
        JSON.stringify({
          ...goodBody,
          llm_config_overrides: judge,
          processing_mode: mode,
          colour: 1,
        }).replace(/}$/, `,"metadata":${written}}`);
      const live = await desk.send(body("immediate"));
      expect([live.status, live.text]).toEqual([200, expect.stringContaining(written.slice(1, -1))]);
      expect(live.body["metadata"]).toMatchObject({ ignored_fields: ["colour"] });
      const { body: kept } = await desk.send(body("queue"));
      const ticket = { id: String(kept["queue_id"]), tenant: "one" } as const;
      await desk.untilJudged([ticket]);
      expect((await desk.result(ticket)).text).toContain(written.slice(1, -1));
    },
  },
];
