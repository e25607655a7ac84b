import { afterAll, beforeAll, expect, it } from "vitest";
import { dig } from "../../tools/fake-upstream/json.ts";
import { send } from "../../tools/fake-upstream/samples.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

it("an echo puts all that it finds in the prompt before the justification", async () => {
  const lane = upstream.lane("echo");
  await lane.script([{ echo: "Two|essays", times: "forever" }]);
  const justification = await justificationOf(await send(lane, "openai"));
  const prompt = (await lane.requests())[0]?.bodyText ?? "";
  const found = prompt.match(/Two|essays/g) ?? [];
  expect(found.length).toBeGreaterThan(0);
  expect(justification.startsWith(`${found.join(" ")} Essay A states`)).toBe(true);
});

it("an echo that is no regular expression is refused", async () => {
  await expect(upstream.lane("echo").script([{ echo: "(" }])).rejects.toThrow("a regular expression");
});

it("another script comes in place of the old one, and a wrong one leaves the old one", async () => {
  const lane = upstream.lane("rescript");
  await lane.script([{ fault: "unavailable", times: "forever" }, { fault: "cut" }]);
  await lane.rescript([{ delayMs: 1 }]);
  expect(await lane.stepsLeft()).toEqual([{ delayMs: 1, times: 1 }]);
  await expect(lane.rescript([{ delayMs: -1 }])).rejects.toThrow("delayMs");
  expect(await lane.stepsLeft()).toEqual([{ delayMs: 1, times: 1 }]);
});

async function justificationOf(response: Response): Promise<string> {
  const text = dig(await response.json(), "output.1.content.0.text");
  return String((JSON.parse(String(text)) as { justification: unknown }).justification);
}
