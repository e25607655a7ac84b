/** What listeners hold of memory who wait and hear nothing: `npx node test/proofs/bench/listeners.ts`. Each kind in a process of its own. */
import { createHash } from "node:crypto";
import { WebSocket } from "ws";
import { startNodeService } from "../../support/node-service.ts";
import { asOperator, OPERATOR_KEYS } from "../../support/operators.ts";
import { residentBytes } from "./usage.ts";

const listeners = 1_000;
/** Each may have 200. */
const tenants = ["a", "b", "c", "d", "e"];
const headersOf = (tenant: string) => ({ authorization: `Bearer lps_key-of-${tenant}` });
const API_KEYS = tenants
  .map((tenant) => `${tenant}:${createHash("sha256").update(`lps_key-of-${tenant}`).digest("hex")}`)
  .join();
const settleMs = 5_000;

type Listen = (url: string, headers: Record<string, string>) => Promise<unknown>;

const kinds: Readonly<Record<string, Listen>> = {
  "streams of events": (url, headers) => fetch(url, { headers }),
  WebSockets: (url, headers) =>
    new Promise((resolve) => new WebSocket(url.replace("http", "ws"), { headers }).on("open", resolve)),
};

for (const [name, listen] of Object.entries(kinds)) {
  const service = await startNodeService({ API_KEYS, OPERATOR_KEYS });
  // Tickets wait.
  await service.request("/api/v1/operator/providers/mock/pause", asOperator("ops", { method: "POST" }));
  const urls = await Promise.all(
    tenants.map(async (tenant) => {
      const llm_config_overrides = { provider_override: "mock" };
      const init = { headers: headersOf(tenant) };
      const { body } = await service.compare({ processing_mode: "queue", llm_config_overrides }, init);
      return `${service.url}/api/v1/status/${String(body["queue_id"])}/events`;
    }),
  );
  await settled();
  const before = residentBytes(service.pid);
  for (let at = 0; at < listeners; at++) {
    const of = at % tenants.length;
    await listen(urls[of] ?? "", headersOf(tenants[of] ?? ""));
  }
  await settled();
  const grownBy = residentBytes(service.pid) - before;
  console.log(
    `${listeners} idle ${name}: ${(before / 2 ** 20).toFixed(0)} MiB and ${(grownBy / 2 ** 20).toFixed(1)} MiB more, ${(grownBy / 1_024 / listeners).toFixed(1)} KiB each`,
  );
  service.kill("SIGKILL");
}
process.exit(0);

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
