/**
 * What tracing costs a judgement on Node: `npx node test/proofs/bench/tracing.ts`. In pairs, alternately: a judgement's events told as without tracing,
 * with tracing switched off, with spans that nobody keeps, and with spans that are all sent to a collector (in a process of its own). CPU time of
 * this process; trust the medians.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Clock } from "../../../src/gateway/ports.ts";
import { startTracing, type Tracing } from "../../../src/node/tracing/tracing.ts";
import type { TelemetryEvent } from "../../../src/telemetry/events.ts";
import { attemptOf, requestOf } from "../../telemetry/events-for-test.ts";

const pairs = 15;
const judgements = { light: 100_000, sent: 10_000 };

const clock: Clock = {
  nowMs: Date.now,
  monotonicMs: () => Math.round(performance.now()),
  fineMs: () => performance.now(),
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
const providers = { openai: { baseUrl: "https://api.openai.com/v1" } } as Parameters<
  typeof startTracing
>[0]["providers"];
const none = () => undefined;
let dropped = 0;

function tracingTo(endpoint: string, ratio: number): Tracing {
  return startTracing(
    { providers },
    { endpoint, headers: {}, ratio, serviceName: "bench" },
    clock,
    (event) => {
      if (event.kind === "spans_dropped") dropped += event.count;
    },
  );
}

/** As the service does for one judgement: the request begins, its caller becomes known, a call is made, and it ends. */
function judge(
  tracing: Tracing | null,
  tell: (event: TelemetryEvent) => void,
  traceparent: string | undefined,
): void {
  const spans = tracing?.tracer.spans;
  const begun = spans?.begin(traceparent, none, performance.now()) ?? null;
  const span = begun === null ? null : (spans?.admitted(begun) ?? null);
  const call = (span && spans?.child(span)) ?? null;
  tell(attemptOf({ span: call }));
  tell(requestOf({ span }));
}

function asBefore(tell: (event: TelemetryEvent) => void): void {
  tell(attemptOf());
  tell(requestOf());
}

async function microseconds(
  count: number,
  one: () => void,
  after: () => Promise<unknown> = () => new Promise(setImmediate),
): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < count; at++) {
    one();
    // Requests don't come faster than a collector takes their spans.
    if (at % 500 === 499) await after();
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

const sink = spawn(process.execPath, [
  "-e",
  `require("node:http").createServer((i, o) => { i.resume(); i.on("end", () => o.end("{}")); }).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`,
]);
process.on("exit", () => sink.kill());
const [port] = (await once(sink.stdout, "data")) as [Buffer];
const endpoint = `http://127.0.0.1:${String(port).trim()}`;

const nobody = () => {};
const told = (tracing: Tracing | null) => (event: TelemetryEvent) => tracing?.record(event);
const unkept = tracingTo(endpoint, 0);
const kept = tracingTo(endpoint, 1);
const unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
const found = { off: [] as number[], unkept: [] as number[], ofCaller: [] as number[], sent: [] as number[] };

for (let pair = 0; pair <= pairs; pair++) {
  const base = await microseconds(judgements.light, () => asBefore(nobody));
  const off = await microseconds(judgements.light, () => judge(null, told(null), undefined));
  const own = await microseconds(judgements.light, () => judge(unkept, told(unkept), undefined));
  const callers = await microseconds(judgements.light, () => judge(unkept, told(unkept), unsampled));
  const sent = await microseconds(
    judgements.sent,
    () => judge(kept, told(kept), undefined),
    () => kept.end(10_000),
  );
  // The first warms up.
  if (pair === 0) continue;
  found.off.push(off - base);
  found.unkept.push(own - base);
  found.ofCaller.push(callers - base);
  found.sent.push(sent - base);
}

function shown(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(2);
  return `${at(0.5)} us (${at(0.1)} to ${at(0.9)})`;
}

console.log(`Tracing a judgement, above one without (medians of ${pairs} pairs, tenths):`);
console.log(`switched off: ${shown(found.off)}`);
console.log(`spans that are not kept: ${shown(found.unkept)}; in a caller's trace: ${shown(found.ofCaller)}`);
console.log(
  `two spans sent: ${shown(found.sent)}; ${dropped} of ${(pairs + 1) * judgements.sent * 2} dropped`,
);
process.exit(0);
