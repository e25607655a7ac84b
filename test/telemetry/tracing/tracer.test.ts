/** What is sampled at a trace's head, and what a caller has a say in. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTraceparent, traceparentOf } from "../../../src/telemetry/tracing/context.ts";
import { createSpans } from "../../../src/telemetry/tracing/tracer.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const caller = (flags: string, trace = traceId) => `00-${trace}-${spanId}-${flags}`;

/** Ids that end as `chance` says: of 2^32, how many lie below. */
function spansAt(ratio: number, chance: number, clock = { ms: 0 }) {
  const middle = Math.min(2 ** 32 - 1, Math.ceil(chance * 2 ** 32))
    .toString(16)
    .padStart(8, "0");
  const hex = (digits: 16 | 32) => `${"a".repeat(digits - 14)}${middle}000000`;
  return createSpans({ ratio, fineMs: () => clock.ms, hex });
}

const none = () => undefined;

describe("a trace that begins here is sampled by its id:", () => {
  it.each([
    [0, 0.999999, false],
    [0.1, 0.8999, false],
    [0.1, 0.9, true],
    [0.25, 0.75, true],
    [1, 0, true],
  ])("of a ratio of %d, at %d: %s", (ratio, chance, sampled) => {
    const spans = spansAt(ratio, chance);
    expect(spans.begin(undefined, none, 7)).toMatchObject({
      sampled,
      parentSpanId: null,
      beganMs: 7,
      callerSampled: null,
    });
    expect(spans.attempt(null).sampled).toBe(sampled);
  });
});

describe("a caller's trace", () => {
  it("goes on here, with what its vendors have added", () => {
    const span = spansAt(1, 0).begin(caller("01"), () => "a=1,b=2", 0);
    expect(span).toMatchObject({ traceId, parentSpanId: spanId, traceState: "a=1,b=2" });
    expect(span.spanId).not.toBe(spanId);
  });

  it("is not sampled for what it says of itself before its caller is known, nor by its id, which the caller chose", () => {
    const all = `${"f".repeat(30)}00`;
    for (const flags of ["00", "01"])
      for (const trace of [traceId, all])
        expect(spansAt(0.1, 0).begin(caller(flags, trace), none, 0).sampled).toBe(false);
  });

  it("is sampled as its caller says, once that is known", () => {
    const unchosen = spansAt(0, 0);
    expect(unchosen.admitted(unchosen.begin(caller("01"), none, 0)).sampled).toBe(true);
    const chosen = spansAt(1, 1);
    expect(chosen.admitted(chosen.begin(caller("00"), none, 0)).sampled).toBe(false);
    expect(chosen.admitted(chosen.begin(undefined, none, 0)).sampled).toBe(true);
  });

  it("is so for fifty in a second, and no more", () => {
    const clock = { ms: 1_000 };
    const spans = spansAt(0, 0, clock);
    const sampled = (count: number) =>
      Array.from({ length: count }, () => spans.admitted(spans.begin(caller("01"), none, 0))).filter(
        (span) => span.sampled,
      ).length;
    expect(sampled(200)).toBe(50);
    clock.ms = 1_999;
    expect(sampled(200)).toBe(0);
    clock.ms = 2_000;
    expect(sampled(49)).toBe(49);
    expect(sampled(2)).toBe(1);
  });

  it("brings no more than 512 characters along", () => {
    const state = (length: number) =>
      spansAt(1, 0).begin(caller("01"), () => "a".repeat(length), 0).traceState;
    expect([state(0), state(512)?.length, state(513)]).toEqual([null, 512, null]);
  });
});

it("an attempt for a ticket is a trace of its own, sampled as the span was that kept the ticket", () => {
  const spans = spansAt(0, 0);
  const kept = { traceId, spanId, sampled: true };
  const attempt = spans.attempt(kept);
  expect(attempt).toMatchObject({ sampled: true, parentSpanId: null });
  expect(attempt.traceId).not.toBe(traceId);
  expect(spansAt(1, 1).attempt({ ...kept, sampled: false }).sampled).toBe(false);
});

it("a context that is written can be read again, whatever it is", () => {
  const hex = (digits: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((id) => !/^0+$/.test(id));
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
      expect(readTraceparent(traceparentOf({ traceId, spanId, sampled }))).toEqual({
        traceId,
        spanId,
        sampled,
      });
    }),
  );
});

it.each([
  [`00-${traceId}-${spanId}-03`, true],
  [`00-${traceId}-${spanId}-02`, false],
  [`cc-${traceId}-${spanId}-01-what-is-new`, true],
])("reads the flag of %s: %s", (traceparent, sampled) => {
  expect(readTraceparent(traceparent)).toEqual({ traceId, spanId, sampled });
});

it.each([
  undefined,
  "",
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${"0".repeat(32)}-${spanId}-01`,
  `00-${traceId}-${"0".repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  ` 00-${traceId}-${spanId}-01`,
])("finds no context in %j", (traceparent) => {
  expect(readTraceparent(traceparent)).toBeNull();
});
