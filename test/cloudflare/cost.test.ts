/** What a comparison costs in requests to Durable Objects. */
import { expect, it } from "vitest";
import { remoteGate } from "../../src/cloudflare/stubs/gate.ts";
import { remoteTotals } from "../../src/cloudflare/stubs/totals.ts";
import { createGateFront } from "../../src/engine/front/front.ts";
import { env, freshWorld, settled } from "./objects.ts";

it("asks objects less than once in twenty comparisons at fifty a second in one isolate", async () => {
  const world = await freshWorld();
  let requests = 0;
  const counted = {
    ...env,
    GATES: counting(env.GATES),
    TOTALS_OBJECTS: counting(env.TOTALS_OBJECTS),
  };
  function counting(namespace: DurableObjectNamespace): DurableObjectNamespace {
    return {
      idFromName: (name: string) => namespace.idFromName(name),
      get(id: DurableObjectId) {
        requests++;
        return namespace.get(id);
      },
    } as DurableObjectNamespace;
  }

  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const clock = {
    nowMs: world.nowMs,
    after(delayMs: number, run: () => void) {
      const timer = { atMs: world.nowMs() + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const gate = createGateFront({ remote: remoteGate(counted, "mock"), clock, newId, later });
  const totals = remoteTotals(counted, clock, later);

  const comparisons = 50 * 30;
  for (let number = 0; number < comparisons; number++) {
    expect((await gate.enter(newId(), { tenant: "", model: "m" })).kind).toBe("call");
    await gate.report({ permit: null, epoch: 0, finding: { kind: "healthy" }, durationMs: 100 });
    totals.add("tenant", "2100-01-01", 1, 0.001);
    world.tick(20);
    const due = timers.filter(({ atMs }) => atMs <= world.nowMs());
    timers = timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
    // What is under way comes back within these 20 ms.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await settled();
  expect(requests / comparisons).toBeLessThan(0.05);
  // All of them were told.
  expect(await remoteGate(env, "mock").status()).toMatchObject({ meanResponseMs: 100 });
  expect((await totals.of("tenant", "2100-01-01")).requests).toBe(comparisons);
}, 30_000);

function later(work: Promise<unknown>): void {
  void work;
}

function newId(): string {
  return crypto.randomUUID();
}
