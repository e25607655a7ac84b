/** A thousand tickets wait for their provider, and it comes back. */
import { expect, it } from "vitest";
import type { Reply } from "../../../src/gateway/ports.ts";
import type { Caller } from "../../../src/gateway/submission.ts";
import { callerIn, someComparison } from "../../support/asking.ts";
import { gatewayOver, verdictOn } from "../../support/sqlite-gateway.ts";
import { configOf, sqliteForTest } from "../../support/sqlite-store.ts";

const tickets = 1_000;
const config = configOf({ QUEUE_MAX_SIZE: "2000" });
const down: Reply = {
  ...verdictOn(""),
  outcome: { ok: false, error: { reason: "unavailable", status: 503, retryAfterMs: null } },
  status: 503,
};

/** One Node process with a provider that a test takes down, and workers that a test sets to work. */
async function drainingWorld() {
  const world = await sqliteForTest(config);
  const { clock } = world;
  const provider = { isDown: true, calls: [] as { readonly essay: string; readonly isGood: boolean }[] };
  const gateway = gatewayOver(world, (prompt) => {
    const essay = /ticket (\d+)\./.exec(prompt)?.[1] ?? "none";
    provider.calls.push({ essay, isGood: !provider.isDown });
    return Promise.resolve(provider.isDown ? down : verdictOn(prompt));
  });

  return {
    ...world,
    provider,
    submit: (number: number, mode: Caller["mode"], priority: number) =>
      gateway.submit(
        {
          ...someComparison,
          essayA: `This is ticket ${number}. ${"The river floods every spring. ".repeat(190)}`,
          essayB: "The bridge was paid for by the market. ".repeat(150),
        },
        callerIn(mode, priority),
      ),
    /** Lets time pass, and all that is handed out be done. */
    async live(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        await world.advance(1_000);
        for (let calls = -1; calls !== provider.calls.length;) {
          calls = provider.calls.length;
          await clock.advance(0);
        }
      }
    },
  };
}

it("judges a thousand tickets of 12 KB once each after an outage, by priority and then by age", async () => {
  const world = await drainingWorld();
  const { provider } = world;
  for (let fault = 0; fault < config.breaker.failureThreshold; fault++) await world.submit(0, "immediate", 0);
  const kept: { readonly id: string; readonly essay: string; readonly priority: number }[] = [];
  for (let number = 1; number <= tickets; number++) {
    await world.clock.advance(1);
    const priority = (number * 7) % 11;
    const submitted = await world.submit(number, "queue", priority);
    if (!submitted.ok || submitted.value.kind !== "kept") throw new Error(JSON.stringify(submitted));
    const { id, sizeBytes } = submitted.value.ticket.about;
    expect(sizeBytes).toBeGreaterThan(11_500);
    kept.push({ id, essay: String(number), priority });
  }
  await world.live(120);
  const probes = provider.calls.slice(config.breaker.failureThreshold);
  expect(probes.length).toBeGreaterThan(1);
  provider.isDown = false;
  await world.live(120);

  // A stable sort: of the same priority, the older first.
  const inTurn = kept.toSorted((a, b) => b.priority - a.priority).map(({ essay }) => essay);
  // Each probe, the failed and the good ones, was another ticket's.
  const probed = probes.length + config.breaker.successThreshold;
  const goodProbes = inTurn.slice(probes.length, probed);
  expect(probes.map(({ essay }) => essay)).toEqual(inTurn.slice(0, probes.length));
  expect(provider.calls.filter(({ isGood }) => isGood).map(({ essay }) => essay)).toEqual([
    ...goodProbes,
    ...inTurn.filter((essay) => !goodProbes.includes(essay)),
  ]);
  const states = await Promise.all(kept.map(async ({ id }) => (await world.tickets.load(id))?.state.status));
  expect(states).toEqual(kept.map(() => "completed"));
  expect((await world.gate.status()).queue.size).toBe(0);
});
