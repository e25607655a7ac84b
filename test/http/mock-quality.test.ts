/** The mock that goes by marks, as an operator sets it, and the same judge in the fake upstream. */
import { inject, describe, expect, it } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { send } from "../../tools/fake-upstream/samples.ts";
import { frame } from "../../src/domain/judging/prompt.ts";
import { goodBody } from "../support/answers.ts";
import { testService } from "../support/service.ts";

const mock = { llm_config_overrides: { provider_override: "mock" } };
const strong = { essay_a: "Weak. [quality -8]", essay_b: "Strong. [quality 8]" };

describe("MOCK_JUDGE", () => {
  it("by default says that it has not read the essays", async () => {
    const { body } = await testService().compare(mock);
    expect(body["justification"]).toContain("has not read these essays");
  });

  it("quality: the essay with the higher mark wins, in either order, and the reasons are in the caller's names", async () => {
    const { compare } = testService({ env: { MOCK_JUDGE: "quality" } });
    for (const presentation of ["as_given", "swapped"]) {
      const { body } = await compare({ ...mock, ...strong, presentation });
      expect(body).toMatchObject({ winner: "Essay B", confidence: 5 });
      expect(body["justification"]).toContain(
        "Essay A had 0 chances in 100".replace(
          "A had 0",
          presentation === "swapped" ? "B had 100" : "A had 0",
        ),
      );
      expect(body["justification"]).toContain("Essay B won");
    }
  });

  it("quality: an order effect is for the place, whoever stands there", async () => {
    const { compare } = testService({ env: { MOCK_JUDGE: "quality", MOCK_ORDER_EFFECT: "10" } });
    const winners = [];
    for (const presentation of ["as_given", "swapped"])
      winners.push((await compare({ ...mock, presentation })).body["winner"]);
    expect(winners).toEqual(["Essay A", "Essay B"]);
  });

  it("quality: a length effect is for the longer one", async () => {
    const { compare } = testService({ env: { MOCK_JUDGE: "quality", MOCK_LENGTH_EFFECT: "10" } });
    const { body } = await compare({ ...mock, essay_b: goodBody.essay_a.repeat(5) });
    expect(body).toMatchObject({ winner: "Essay B" });
  });
});

describe("the fake upstream with `quality`", () => {
  it.each(["openai", "anthropic", "google", "openrouter"] as const)(
    "judges by the marks at %s",
    async (vendor) => {
      const lane = fakeLane(inject("fakeUpstreamUrl"), `quality-${vendor}`);
      await lane.rescript([{ quality: { seed: 1, orderEffect: 1 }, times: "forever" }]);
      const ask = async (essayA: string, essayB: string) => {
        const parameters = { temperature: null, maxTokens: 100, reasoningEffort: null };
        const asked = {
          provider: vendor,
          model: "m",
          systemPrompt: "s",
          userPrompt: "Which?",
          essayA,
          essayB,
          parameters,
        };
        const user = frame(asked, "ab".repeat(32));
        const contents = {
          openai: { input: user },
          anthropic: { messages: [{ role: "user", content: user }] },
          openrouter: { messages: [{ role: "user", content: user }] },
          google: { contents: [{ role: "user", parts: [{ text: user }] }] },
        };
        return (await send(lane, vendor, { body: contents[vendor] })).text();
      };
      expect(await ask("[quality 9]", "[quality -9]")).toMatch(/winner\W+Essay A/);
      expect(await ask("[quality -9]", "[quality 9]")).toMatch(/winner\W+Essay B/);
      // Asked again and again, it changes its mind.
      const answers = [];
      for (let at = 0; at < 30; at++)
        answers.push(/winner\W+(Essay [AB])/.exec(await ask("[quality -1]", "One."))?.[1]);
      expect(new Set(answers)).toEqual(new Set(["Essay A", "Essay B"]));
    },
  );
});
