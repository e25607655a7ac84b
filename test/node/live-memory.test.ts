/** Memory of a process under a crowd of large requests, over HTTP, measured at the process. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { startNodeService } from "../support/node-service.ts";

const requests = 600;
/** Two bytes a letter: 880 KB, of which a process holds each about four times while it is judged. */
const essay = "é".repeat(200_000);
const body = JSON.stringify({
  user_prompt: "é".repeat(19_000),
  essay_a: essay,
  essay_b: essay,
  metadata: { note: "x".repeat(16_000) },
});

it(
  "stays bounded under 600 live bodies of 850 KB at once, and answers every one",
  { timeout: 300_000 },
  async () => {
    const service = await startNodeService({ MOCK_LATENCY_MS: "20000" });
    const answered = new Map<string, number>();
    await Promise.all(
      Array.from({ length: requests }, async () => {
        const headers = { "content-type": "application/json" };
        const answer = await fetch(`${service.url}/api/v1/comparison`, { method: "POST", headers, body });
        const { error_type: type = "" } = (await answer.json()) as { readonly error_type?: string };
        const name = `${answer.status} ${type}`.trim();
        answered.set(name, (answered.get(name) ?? 0) + 1);
      }),
    );
    const peakMb =
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, "utf8"))?.[1]) / 1024;
    await service.stop();
    const names = [...answered.keys()];
    expect(
      names.filter((name) => !["200", "202", "503 SERVICE_UNAVAILABLE", "503 QUEUE_FULL"].includes(name)),
    ).toEqual([]);
    // Unbounded it was 1,300 MB, and grew with every further request; a process without any takes 130.
    expect(peakMb).toBeLessThan(1_100);
  },
);
