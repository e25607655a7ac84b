/** The calls of the last ten seconds, against the same kept one by one. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { countCall, noCalls, sumCalls } from "../../../src/domain/gate/window.ts";

const startMs = Date.UTC(2026, 10, 30, 12);

it("counts the calls of this second and the nine before, whatever the clock does", () => {
  const step = fc.record({
    forMs: fc.constantFrom(0, 0, 1, 300, 999, 1_000, 2_500, 9_000, 10_000, 30_000, -1_000, -4_000),
    isFault: fc.boolean(),
    lookMs: fc.constantFrom(0, 0, 1, 999, 1_000, 8_999, 9_999, 10_000, -1_000),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: "max" }), (steps) => {
      let window = noCalls;
      let plain: readonly { readonly second: number; readonly isFault: boolean }[] = [];
      let ms = startMs;
      const recent = (atMs: number) => {
        const now = Math.floor(atMs / 1000);
        return plain.filter(({ second }) => second > now - 10 && second <= now);
      };
      for (const { forMs, isFault, lookMs } of steps) {
        ms += forMs;
        window = countCall(window, isFault, ms);
        plain = [...recent(ms), { second: Math.floor(ms / 1000), isFault }];
        const seen = recent(ms + lookMs);
        expect(sumCalls(window, ms + lookMs)).toMatchObject({
          calls: seen.length,
          faults: seen.filter((call) => call.isFault).length,
        });
      }
    }),
    { numRuns: 500 },
  );
});

it("stays small, however many calls there are", () => {
  let window = noCalls;
  for (let call = 0; call < 40_000; call++) window = countCall(window, call % 3 === 0, startMs + call);
  expect(window.before.split(",")).toHaveLength(9);
  expect(JSON.stringify(window).length).toBeLessThan(300);
});
