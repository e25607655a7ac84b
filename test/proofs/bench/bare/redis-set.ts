/**
 * The limit of what keeps values durably in Redis: `node redis-set.ts URL SECONDS`. Comparisons of the usual size are set as they are, each
 * under a key of its own, 64 in flight over one connection, and nothing else is done. Prints a `LoadResult` as JSON, whose CPU is this
 * process' own.
 */
import { randomUUID } from "node:crypto";
import { cpus } from "node:os";
import { createClient } from "@redis/client";
import type { LoadResult } from "../load.ts";
import { comparisonBody } from "../payload.ts";
import { cpuNanoseconds, machineBusyNanoseconds, residentBytes } from "../usage.ts";

const [url = "", seconds = "1"] = process.argv.slice(2);
const inFlight = 64;

const client = createClient({ url, RESP: 2 });
await client.connect();
await setFor(Number(seconds) / 4);
process.stdout.write(JSON.stringify(await measured(Number(seconds))), () => process.exit(0));

async function measured(timedSeconds: number): Promise<LoadResult> {
  const before = reading();
  const latenciesMs = (await setFor(timedSeconds)).sort();
  const after = reading();
  const elapsedMs = after.atMs - before.atMs;
  const requests = latenciesMs.length;
  const percentile = (share: number): number => latenciesMs[Math.ceil(share * requests) - 1] ?? Number.NaN;
  return {
    requests,
    answered: requests,
    requestsPerSecond: (requests / elapsedMs) * 1000,
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    cpuMicrosecondsPerRequest: (after.cpu - before.cpu) / 1000 / requests,
    residentMegabytes: residentBytes(process.pid) / 1e6,
    // Redis is not told from others here.
    foreignShare: Math.max(0, after.machine - before.machine) / (elapsedMs * 1e6 * cpus().length),
  };
}

/** @returns what each took, in milliseconds */
async function setFor(forSeconds: number): Promise<Float64Array> {
  const latenciesMs: number[] = [];
  const endsAtMs = performance.now() + forSeconds * 1000;
  const lane = async (): Promise<void> => {
    for (;;) {
      const startedAtMs = performance.now();
      if (startedAtMs >= endsAtMs) return;
      await client.sendCommand(["SET", `bare:${randomUUID()}`, comparisonBody]);
      latenciesMs.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return Float64Array.from(latenciesMs);
}

function reading() {
  return { atMs: performance.now(), cpu: cpuNanoseconds(process.pid), machine: machineBusyNanoseconds() };
}
