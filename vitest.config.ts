import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// A project per runtime: the core on plain Node, the Node platform, and real workerd.
export default defineConfig({
  test: {
    globalSetup: ["./test/support/global-setup.ts"],
    // More than there are cores on a small machine: many wait for processes and time limits.
    maxWorkers: Math.max(5, availableParallelism() - 1),
    // Far from any that is not hung, on a machine that does other work too.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: "core",
          include: [
            "test/{domain,gateway,engine,accounts,providers,http,wire,stores,telemetry,settings,tools}/**/*.test.ts",
            "test/*.test.ts",
            "test/proofs/bench/**/*.test.ts",
          ],
        },
      },
      {
        extends: true,
        test: { name: "node", include: ["test/{node,proofs/kill-cycles,proofs/simulation}/**/*.test.ts"] },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // The rest is as it is deployed. Four hours of a waiting ticket would be a thousand alarms.
            miniflare: { bindings: { ENVIRONMENT: "test", QUEUE_REQUEST_TTL_HOURS: "0.2" } },
          }),
        ],
        test: {
          name: "workerd",
          globalSetup: ["./test/support/upstash-setup.ts"],
          include: ["test/cloudflare/**/*.test.ts"],
        },
      },
    ],
  },
});
