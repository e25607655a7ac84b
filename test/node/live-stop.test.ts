/** A thousand who listen, and a process that is asked to end: all are told at once. */
import { createHash } from "node:crypto";
import { expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { measureLateness } from "../support/lateness.ts";
import { asOperator, OPERATOR_KEYS } from "../support/operators.ts";
import { startNodeService } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Each may have 200 listeners. */
const tenants = ["a", "b", "c", "d", "e"];
const keyOf = (tenant: string) => `lps_key-of-${tenant}`;
const API_KEYS = tenants
  .map((tenant) => `${tenant}:${createHash("sha256").update(keyOf(tenant)).digest("hex")}`)
  .join();
const headersOf = (tenant: string) => ({ authorization: `Bearer ${keyOf(tenant)}` });

it("ends 1,000 open streams, WebSockets and waits, and itself, within a second", async () => {
  const service = await startNodeService({ API_KEYS, OPERATOR_KEYS });
  // The tickets wait.
  await service.request("/api/v1/operator/providers/mock/pause", asOperator("ops", { method: "POST" }));
  const listening = await Promise.all(
    tenants.map(async (tenant) => {
      const headers = headersOf(tenant);
      const kept = await service.compare(
        { processing_mode: "queue", llm_config_overrides: { provider_override: "mock" } },
        { headers },
      );
      const path = `/api/v1/status/${String(kept.body["queue_id"])}`;
      const ends: Promise<number | string>[] = [];
      for (let at = 0; at < 80; at++) {
        const stream = await fetch(`${service.url}${path}/events`, { headers });
        ends.push(stream.text().then((text) => (text.includes("ticket.queued") ? "stream" : text)));
      }
      for (let at = 0; at < 80; at++) {
        const socket = new WebSocket(`${service.url.replace("http", "ws")}${path}/events`, { headers });
        await new Promise((resolve) => socket.on("open", resolve));
        ends.push(new Promise((resolve) => socket.on("close", resolve)));
      }
      for (let at = 0; at < 40; at++)
        ends.push(fetch(`${service.url}${path}?wait=30`, { headers }).then(({ status }) => status));
      return ends;
    }),
  );
  // The last waits have arrived by now.
  await fetch(`${service.url}/livez`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const ends = listening.flat();
  expect(ends).toHaveLength(1_000);
  const lateness = measureLateness();
  const sinceMs = performance.now();
  service.kill("SIGTERM");
  const said = await Promise.all(ends);
  const toldMs = performance.now() - sinceMs;
  expect(await service.ended).toEqual({ code: 0, signal: null });
  const endedMs = performance.now() - sinceMs;
  const counts = Object.fromEntries(
    [...new Set(said)].map((one) => [one, said.filter((other) => other === one).length]),
  );
  expect(counts).toEqual({ stream: 400, 1012: 400, 200: 200 });
  const lateMs = lateness.mostMs();
  console.log(
    `told after ${Math.round(toldMs)} ms, ended after ${Math.round(endedMs)} ms; a timer was ${Math.round(lateMs)} ms late`,
  );
  expect(endedMs).toBeLessThan(1_000 + 2 * lateMs);
});
