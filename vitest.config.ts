import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * What takes whole processes, disks, users, clocks or stores that older versions have written, one after another in real time, and the simulation
 * with bugs planted in it. They run by
 * `npm run test:machine`, so that `npm test` stays quick.
 */
const machine = [
  "test/node/{stopping,stopping-connections,stopping-delay,live-stop,log-output,full-disk,damaged-file,data-directory,clock-set}.test.ts",
  "test/node/redis/{trouble,rolling-restart,rewriting,stop,stores-rest}.test.ts",
  "test/node/{migration-redis,migration-sqlite}.test.ts",
  "test/node/{original-clients,right-node,load,live-memory,workers-spans}.test.ts",
  "test/node/vendors/one-byte-chunks.test.ts",
  "test/proofs/simulation/sim.test.ts",
];
/** And those of them that run inside workerd. */
const machineInWorkerd = ["test/cloudflare/migration.test.ts"];

/** What mostly waits, for half a minute each: begun before all else, so that the cores work beside it and none of it is the end of the run. */
const waitsLongest = [
  "test/cloudflare/objects/ticket-object-evicted.test.ts",
  "test/cloudflare/stories.test.ts",
  "test/node/tracing.test.ts",
  "test/node/stories-sqlite.test.ts",
  "test/node/push/webhooks.test.ts",
  "test/node/redis/process.test.ts",
  "test/node/bus.test.ts",
  "test/node/stories-redis.test.ts",
];

function isLong({ moduleId }: TestSpecification): boolean {
  return waitsLongest.some((file) => moduleId.endsWith(`/${file}`));
}

/** Vitest's own order goes from project to project. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const insideWorkerd = () =>
  cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    // The rest is as it is deployed. Four hours of a waiting ticket would be a thousand alarms.
    miniflare: { bindings: { ENVIRONMENT: "test", QUEUE_REQUEST_TTL_HOURS: "0.2" } },
  });

// A project per runtime: the core on plain Node, the Node platform, and real workerd.
export default defineConfig({
  test: {
    globalSetup: ["./test/support/global-setup.ts"],
    sequence: { sequencer: LongestFirst },
    // More than there are cores on a small machine: many wait for processes and time limits.
    maxWorkers: Math.max(5, availableParallelism() - 1),
    // Only what hangs meets these, also on a slow machine that does other work.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "core",
          // No file changes what others see of a module, so one worker loads `src` once for all its files: a third of all their work was loading.
          isolate: false,
          include: [
            "test/{domain,gateway,engine,accounts,providers,push,http,wire,stores,telemetry,settings,tools}/**/*.test.ts",
            "test/*.test.ts",
            "test/proofs/bench/**/*.test.ts",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "node",
          include: ["test/{node,proofs/kill-cycles,proofs/simulation}/**/*.test.ts"],
          exclude: machine,
        },
      },
      { extends: true, test: { name: "machine", include: machine } },
      {
        extends: true,
        plugins: [insideWorkerd()],
        test: {
          name: "workerd",
          globalSetup: [
            "./test/support/upstash-setup.ts",
            "./test/support/receivers.ts",
            "./test/support/event-sink-setup.ts",
          ],
          include: ["test/cloudflare/**/*.test.ts"],
          exclude: machineInWorkerd,
        },
      },
      {
        extends: true,
        plugins: [insideWorkerd()],
        test: { name: "machine-workerd", include: machineInWorkerd },
      },
    ],
  },
});
