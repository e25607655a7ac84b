/** Memory for a body is bounded by the limit, however it is chunked: on either platform, in a process that would die of more. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { freePort, startServer } from "../../proofs/bench/processes.ts";
import { buildWorker } from "../../proofs/bench/workerd.ts";
import { startNodeService } from "../../support/node-service.ts";
import { peakBytes, sendOneByteChunks } from "../../support/one-byte-chunks.ts";

vi.setConfig({ testTimeout: 60_000 });

const mebibyte = 1_048_576;
const ok = "HTTP/1.1 200 OK";
const four = (origin: string) => Promise.all([1, 2, 3, 4].map(() => sendOneByteChunks(origin, mebibyte)));

it("Node, with a heap of 64 MB, reads four bodies of 1 MB in one-byte chunks at once", async () => {
  const service = await startNodeService({ NODE_OPTIONS: "--max-old-space-size=64" });
  onTestFinished(async () => void (await service.stop()));
  const before = peakBytes(service.pid);
  expect(await four(service.url)).toEqual([ok, ok, ok, ok]);
  expect(peakBytes(service.pid) - before).toBeLessThan(80 * mebibyte);
});

it("workerd reads four bodies of 1 MB in one-byte chunks at once, in the memory of an isolate", async () => {
  const folder = mkdtempSync(join(tmpdir(), "one-byte-chunks-"));
  const settings = { ENVIRONMENT: "test" };
  const command = await buildWorker(resolve("wrangler.toml"), folder, settings);
  const port = await freePort();
  const { pid, origin, stop } = await startServer(command(port), port, null);
  onTestFinished(stop);
  const before = peakBytes(pid);
  expect(await four(origin)).toEqual([ok, ok, ok, ok]);
  expect(peakBytes(pid) - before).toBeLessThan(128 * mebibyte);
});
