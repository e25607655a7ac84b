import { expect, it } from "vitest";
import type { Clock } from "../../../src/gateway/ports.ts";
import type { GuardedTransportOptions } from "../../../src/node/push/guarded-transport.ts";
import { openBus } from "../../../src/node/push/open-bus.ts";
import { parseConfig } from "../../../src/settings/config.ts";

const transport: GuardedTransportOptions = { timeoutMs: 1_000, resolve: (_, __, done) => done(null, []) };

const clock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  fineMs: () => performance.now(),
  after: () => () => {},
};

async function publishedTo(EVENTS_URL: string, WEBHOOK_ALLOW_PRIVATE = "false") {
  const parsed = parseConfig({ EVENTS_URL, WEBHOOK_ALLOW_PRIVATE }, "node");
  const bus = parsed.ok ? await openBus(parsed.value, clock, transport) : null;
  const published = await bus?.publish([{ id: "evt_1_1", queueId: "1", json: "{}" }]);
  await bus?.close();
  return published;
}

it.each(["https://10.0.0.1/in", "https://169.254.169.254/in", "https://nowhere.example/in"])(
  "sends no event to %s, which is not the internet's",
  async (url) => {
    expect(await publishedTo(url)).toMatchObject({
      kind: "some",
      why: "blocked",
      unsent: [{ id: "evt_1_1" }],
    });
  },
);

it("sends events to this machine where the settings name it, and to no metadata of a cloud with whatever leave", async () => {
  expect(await publishedTo("http://127.0.0.1:1/in")).toMatchObject({ kind: "some", why: "refused" });
  expect(await publishedTo("http://127.0.0.1:1/in", "true")).toMatchObject({ kind: "some", why: "refused" });
  expect(await publishedTo("https://169.254.169.254/in", "true")).toMatchObject({
    kind: "some",
    why: "blocked",
  });
});
