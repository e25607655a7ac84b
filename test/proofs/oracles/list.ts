/** All oracles. A new one is a file beside this one, and a line here. */
import type { Oracle } from "./oracle.ts";

interface Entry {
  readonly name: string;
  /** Asked by `--ci` too, where a missing tool is a failure. CI installs the Debian packages of its tools. */
  readonly inCi: boolean;
  /** Not loaded unless it is asked. */
  readonly load: () => Promise<{ readonly oracle: Oracle }>;
}

export const oracles: readonly Entry[] = [
  { name: "prometheus", inCi: true, load: () => import("./prometheus.ts") },
  { name: "chromium", inCi: true, load: () => import("./chromium.ts") },
  { name: "event-source", inCi: true, load: () => import("./event-source.ts") },
  { name: "scaling", inCi: false, load: () => import("./scaling.ts") },
  { name: "webhooks", inCi: true, load: () => import("./webhooks.ts") },
  { name: "kafka", inCi: true, load: () => import("./kafka.ts") },
  { name: "collector", inCi: false, load: () => import("./collector.ts") },
];
