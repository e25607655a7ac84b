/** Who looks for a shared store that is away. */
import { expect, it } from "vitest";
import { StoreAway, type Clock } from "../../../src/gateway/ports.ts";
import { createWatch } from "../../../src/stores/failover/watch.ts";
import { manualClock } from "../../support/clock.ts";

it("looks again where its timer rang a moment before its time", async () => {
  const clock = manualClock();
  let isAway = false;
  let isBack = 0;
  let early = 1;
  const hasty: Clock = {
    nowMs: clock.nowMs,
    after: (delayMs, then) => clock.after(delayMs - (delayMs >= 1_000 ? early : 0), then),
  };
  const watch = createWatch({
    clock: hasty,
    async health() {
      if (isAway) throw new StoreAway("away");
    },
    beforeBack: async () => {},
    onAway: () => {},
    onStillAway: () => {},
    onBack: () => isBack++,
    onFault: () => {},
  });
  await watch.look();
  isAway = true;
  const ask = () => watch.ask(() => Promise.reject(new StoreAway("silence"))).catch(() => {});
  await ask();
  await ask();
  expect(watch.isAway()).toBe(true);
  await clock.advance(5_000);
  isAway = false;
  early = 0;
  await clock.advance(1_000);
  expect(isBack).toBe(2);
});
