/** Where the story is told: the service as a process, with vendors and keys of its own. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import {
  vendorNames,
  type RecordedRequest,
  type VendorName,
} from "../../../../tools/fake-upstream/script.ts";
import type { Lane } from "../../../../tools/fake-upstream/client.ts";
import type { FakeUpstream } from "../../../../tools/fake-upstream/server.ts";
import { logFile, startService, type PlatformName, type ServiceProcess } from "../../../support/processes.ts";
import type { OtlpReceiver } from "../../../support/otlp-receiver.ts";
import { storySettings } from "./chapters.ts";
import { openLedger, type Ledger } from "./ledger.ts";

const vendorKey = (vendor: VendorName) => `canary-of-a-key-${vendor}`;
const clientKeys = { maths: "lps_canary-of-the-key-of-maths", art: "lps_canary-of-the-key-of-art" };
const operatorKeys = {
  ops: "lps_canary-of-the-key-of-ops",
  prometheus: "lps_canary-of-the-key-of-prometheus",
};
const webhookSecret = `whsec_${Buffer.from("canary-of-a-webhooks-secret").toString("base64")}`;
/** Of an operator who may only look. */
export const lookingKey = operatorKeys.prometheus;

export interface Stage {
  readonly folder: string;
  readonly platform: PlatformName;
  readonly service: ServiceProcess;
  readonly ledger: Ledger;
  readonly lanes: Readonly<Record<VendorName, Lane>>;
  /** Every call for a judgement that the vendors were asked. */
  calls(): Promise<readonly RecordedRequest[]>;
  /** The text of `/metrics`. */
  metrics(): Promise<string>;
  /** The console, and the page of each ticket that it lists. */
  console(): Promise<string>;
  /** Where it sends its spans; `null`: nowhere. */
  readonly collector: OtlpReceiver | null;
  /** All that it has written to its standard output. */
  log(): string;
  /** The lines of the log that are events. */
  events(): readonly Readonly<Record<string, unknown>>[];
}

export async function openStage(
  platform: PlatformName,
  upstream: FakeUpstream,
  folder: string,
  more: Readonly<Record<string, string>> = {},
  collector: OtlpReceiver | null = null,
): Promise<Stage> {
  const lanes = Object.fromEntries(
    vendorNames.map((vendor) => [vendor, upstream.lane(`${folder.split("/").at(-1)}-${vendor}`)]),
  ) as Record<VendorName, Lane>;
  mkdirSync(folder, { recursive: true });
  const receiver = await startReceiver();
  const service = await startService(platform, {
    folder,
    settings: {
      ...settingsFor(lanes),
      WEBHOOK_URLS: `maths/main=http://localhost:${receiver}/in`,
      WEBHOOK_SECRETS: `maths/main=${webhookSecret}`,
      ...tracing(collector),
      ...more,
    },
  });
  const looked = async (path: string) => {
    const answer = await fetch(service.origin + path, { headers: { authorization: `Bearer ${lookingKey}` } });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return answer.text();
  };
  const log = () => readFileSync(join(folder, logFile), "utf8");
  return {
    folder,
    platform,
    service,
    lanes,
    collector,
    ledger: openLedger(service.origin, { ...clientKeys, ...operatorKeys }),
    log,
    calls: async () =>
      (await Promise.all(vendorNames.map((vendor) => lanes[vendor].requests("judgement")))).flat(),
    metrics: () => looked("/metrics"),
    async console() {
      const page = await looked("/console?status=all");
      const links = [...page.matchAll(/href="(\/console\/tickets\/[^"]*)"/g)].map(([, path = ""]) => path);
      const tickets = await Promise.all([...new Set(links)].map(looked));
      return [page, ...tickets].join("\n");
    },
    events: () =>
      log()
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Takes every webhook, for as long as this process lives. @returns its port */
async function startReceiver(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}

function settingsFor(lanes: Readonly<Record<VendorName, Lane>>): Record<string, string> {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  return {
    ...storySettings,
    API_KEYS: Object.entries(clientKeys)
      .map(([tenant, key]) => `${tenant}:${sha256(key)}`)
      .join(),
    OPERATOR_KEYS: `ops:${sha256(operatorKeys.ops)},prometheus:${sha256(lookingKey)}!read`,
    ...Object.fromEntries(
      vendorNames.flatMap((vendor) => [
        [`${vendor.toUpperCase()}_API_KEY`, vendorKey(vendor)],
        [`${vendor.toUpperCase()}_BASE_URL`, lanes[vendor].baseUrls[vendor]],
      ]),
    ),
  };
}

/** Every trace is kept. */
function tracing(collector: OtlpReceiver | null): Record<string, string> {
  return collector === null
    ? {}
    : { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: "1" };
}

/** All keys that the service knows, of vendors and of clients. */
export function keysOf({ lanes }: Stage): readonly string[] {
  return [
    ...vendorNames.filter((vendor) => vendor in lanes).map(vendorKey),
    ...Object.values(clientKeys),
    ...Object.values(operatorKeys),
    webhookSecret,
  ];
}

/** For Node: its transport throws for one text. */
export const throwing = { NODE_OPTIONS: `--import=${resolve("test/stories/throwing.ts")}` };
