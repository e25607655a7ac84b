/** Prometheus: is what we serve at `/metrics` good text? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startService } from "../../support/processes.ts";
import type { Oracle } from "./oracle.ts";
import { promtool } from "./prometheus/promtool.ts";

export const oracle: Oracle = {
  tools: [
    {
      command: "promtool",
      versionArgs: ["--version"],
      debianPackage: "prometheus",
      howToGet: "apt-get install prometheus, or https://prometheus.io/download",
    },
  ],
  async ask(check) {
    await check("promtool takes the alerts without a word, and each fires and is over", async () => {
      await promtool(["check", "rules", "--lint=all", "--lint-fatal", "docs/monitoring/alerts.yml"]);
      await promtool(["test", "rules", "docs/monitoring/alerts.test.yml"]);
    });
    const folder = mkdtempSync(join(tmpdir(), "oracle-prometheus-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const service = await startService("node", { folder, settings: { ENVIRONMENT: "test" } });
    await check("promtool finds nothing to say about /metrics on Node", async () => {
      const text = await (await fetch(`${service.origin}/metrics`)).text();
      await promtool(["check", "metrics"], text);
    });
    await service.stop();
  },
};
