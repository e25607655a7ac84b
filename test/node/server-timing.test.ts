/** Where a judgement says its time went, as a client of the service sees it. */
import { expect, inject, it, onTestFinished } from "vitest";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { startNodeService } from "../support/node-service.ts";

const upstreamUrl = inject("fakeUpstreamUrl");
const vendorTakesMs = 50;

async function service(name: string, env: Readonly<Record<string, string>>) {
  const lane = fakeLane(upstreamUrl, `server-timing-${name}`);
  await lane.clear();
  const started = await startNodeService({
    OPENAI_API_KEY: "sk-fake",
    OPENAI_BASE_URL: lane.baseUrls.openai,
    ...env,
  });
  onTestFinished(() => started.kill("SIGKILL"));
  return { ...started, lane };
}

/** Milliseconds by name. */
function timesIn(header: string | null): Record<string, number> {
  const read = [...(header ?? "").matchAll(/(\w+);dur=([\d.]+)(?:, |$)/g)];
  return Object.fromEntries(read.map(([, name, ms]) => [name, Number(ms)]));
}

it("says on a judgement how long the vendor took, what was waited for, and what is ours: the same that is counted", async () => {
  const { compare, request, lane } = await service("on", { SERVER_TIMING: "true", LLM_MAX_RETRIES: "2" });
  let own = 0;
  for (let at = 0; at < 30; at++) {
    await lane.script([{ delayMs: vendorTakesMs }]);
    const beganMs = performance.now();
    const { status, headers } = await compare();
    const tookMs = performance.now() - beganMs;
    const times = timesIn(headers.get("server-timing"));
    expect([status, Object.keys(times)]).toEqual([200, ["vendor", "wait", "own"]]);
    const { vendor = 0, wait = 0 } = times;
    own += times["own"] ?? 0;
    expect(vendor).toBeGreaterThanOrEqual(vendorTakesMs - 1);
    expect(vendor + wait + (times["own"] ?? 0)).toBeLessThan(tookMs);
  }
  const metrics = async () => (await request("/metrics")).text;
  const sum = Number(/request_overhead_seconds_sum ([\d.e-]+)/.exec(await metrics())?.[1]);
  // Each header is rounded to a microsecond.
  expect(Math.abs(sum * 1_000 - own)).toBeLessThan(0.03);

  await lane.script([{ fault: "unavailable" }]);
  const retried = timesIn((await compare()).headers.get("server-timing"));
  expect(retried["wait"]).toBeGreaterThan(0);
});

it("says nothing on what is counted nowhere either: tickets, errors, other routes, judgements under a key", async () => {
  const { compare, request } = await service("others", { SERVER_TIMING: "true" });
  const keyed = { headers: { "idempotency-key": "one" } };
  for (const { headers } of [
    await compare({}, keyed),
    await compare({}, keyed),
    await compare({ processing_mode: "queue" }),
    await compare({ essay_a: "" }),
    await request("/api/v1/providers"),
  ])
    expect(headers.has("server-timing")).toBe(false);
});

it("says nothing unless it is asked to", async () => {
  const { compare } = await service("off", {});
  const { status, headers } = await compare();
  expect([status, headers.has("server-timing")]).toEqual([200, false]);
});
