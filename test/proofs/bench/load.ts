/**
 * The load generator, a process of its own: `node load.ts ORDER`, where ORDER is a `LoadOrder` as JSON. Prints a `LoadResult` as JSON.
 * Closed loop: each connection sends its next request when its answer is whole.
 */
import { cpus } from "node:os";
import { Pool } from "undici";
import { carriesTheJudgement, isTicket } from "./payload.ts";
import { cpuNanoseconds, machineBusyNanoseconds, residentBytes } from "./usage.ts";

export interface LoadOrder {
  /** Connections are dealt out to them in turn. */
  readonly origins: readonly string[];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly expects: Expected;
  readonly connections: number;
  /** The upstream's: connections start spread over it, so that they don't move in step. */
  readonly latencyMs: number;
  /** Under load, untimed, before the window. */
  readonly settleSeconds: number;
  readonly seconds: number;
  /** The roots of the process trees under test; none: nothing stands between. */
  readonly servicePids: readonly number[];
  /** Of those that work for it: what they use is not foreign. */
  readonly otherPids: readonly number[];
}

/** What every answer must be: a judgement, a ticket (202), or nothing more than a 202. */
export type Expected = "judgement" | "ticket" | "kept";

export interface LoadResult {
  /** Answered in the timed window. */
  readonly requests: number;
  /** Answered in all, before and after the window too. */
  readonly answered: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** `null` where there is no service in between. */
  readonly cpuMicrosecondsPerRequest: number | null;
  readonly residentMegabytes: number | null;
  /** The share of the whole machine that others used in the window: neither the service, nor the upstream, nor this process. */
  readonly foreignShare: number;
}

const order = JSON.parse(process.argv[2] ?? "") as LoadOrder;
const expected = { judgement: 200, ticket: 202, kept: 202 }[order.expects];
const carries = { judgement: carriesTheJudgement, ticket: isTicket, kept: () => true }[order.expects];
const connections = Math.ceil(order.connections / order.origins.length);
const pools = order.origins.map((origin) => new Pool(origin, { connections, pipelining: 1 }));
const body = Buffer.from(order.body);
const headers = { "content-type": "application/json", ...order.headers };
const latenciesMs = new Float64Array(Math.ceil(order.seconds * 200_000));
let timed = 0;
let answered = 0;
let timing = false;
let stopped = false;
let inFlight = 0;
let drained = (): void => {};

for (let connection = 0; connection < order.connections; connection++) {
  const pool = pools[connection % pools.length];
  if (pool) setTimeout(sendNext, (order.latencyMs * connection) / order.connections, pool);
}
await seconds(order.settleSeconds);
const before = reading();
timing = true;
await seconds(order.seconds);
timing = false;
const after = reading();
// What is in flight is waited for: to a gateway, a client that hangs up is an event of its own.
const lastAnswer = new Promise<void>((resolve) => (drained = resolve));
stopped = true;
await lastAnswer;
process.stdout.write(JSON.stringify(result()), () => process.exit(0));

function sendNext(pool: Pool): void {
  if (stopped) {
    if (inFlight === 0) drained();
    return;
  }
  inFlight++;
  const startedAtMs = performance.now();
  let wanted = answered === 0;
  let status = 0;
  const chunks: Buffer[] = [];
  pool.dispatch(
    { path: order.path, method: "POST", headers, body },
    {
      onRequestStart() {},
      onResponseStart(_controller, answeredStatus) {
        status = answeredStatus;
        wanted ||= status !== expected;
      },
      onResponseData(_controller, chunk) {
        if (wanted) chunks.push(chunk);
      },
      onResponseEnd() {
        if (wanted) check(status, Buffer.concat(chunks).toString());
        inFlight--;
        answered++;
        if (timing) latenciesMs[timed++] = performance.now() - startedAtMs;
        sendNext(pool);
      },
      onResponseError(_controller, error) {
        fail(String(error));
      },
    },
  );
}

/** The first answer is read whole; of the others the status must do, or the reading would cost more than the service. */
function check(status: number, text: string): void {
  if (status !== expected || !carries(text)) fail(`answered ${status}: ${text.slice(0, 500)}`);
}

function reading() {
  return {
    atMs: performance.now(),
    serviceCpu: sumOf(order.servicePids, cpuNanoseconds),
    othersCpu: sumOf(order.otherPids, cpuNanoseconds),
    ownCpu: cpuNanoseconds(process.pid),
    machine: machineBusyNanoseconds(),
    residentBytes: sumOf(order.servicePids, residentBytes),
  };
}

function result(): LoadResult {
  if (timed === 0) fail("no answer within the window");
  const elapsedMs = after.atMs - before.atMs;
  const sorted = latenciesMs.subarray(0, timed).sort();
  const percentile = (share: number): number => sorted[Math.ceil(share * timed) - 1] ?? Number.NaN;
  const serviceCpu = after.serviceCpu - before.serviceCpu;
  const accountedCpu = serviceCpu + (after.othersCpu - before.othersCpu) + (after.ownCpu - before.ownCpu);
  const machineNanoseconds = elapsedMs * 1e6 * cpus().length;
  const inBetween = order.servicePids.length > 0;
  return {
    requests: timed,
    answered,
    requestsPerSecond: (timed / elapsedMs) * 1000,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    cpuMicrosecondsPerRequest: inBetween ? serviceCpu / 1000 / timed : null,
    residentMegabytes: inBetween ? after.residentBytes / 1e6 : null,
    foreignShare: Math.max(0, after.machine - before.machine - accountedCpu) / machineNanoseconds,
  };
}

function sumOf(pids: readonly number[], read: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + read(pid), 0);
}

function fail(reason: string): never {
  process.stderr.write(`POST ${order.path}: ${reason}\n`);
  process.exit(1);
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
