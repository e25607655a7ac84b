/** The example files against the settings there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";
import { settings } from "../../src/settings/settings.ts";

const all = Object.keys(settings.shape);
const onlyOnNode = [
  "HOST",
  "PORT",
  "DATA_DIR",
  "REDIS_URL",
  "STOP_DELAY_SECONDS",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_TRACES_SAMPLER_ARG",
  "OTEL_SERVICE_NAME",
  "SERVER_TIMING",
  "QUEUE_POLL_INTERVAL_SECONDS",
  "RECORD_LLM_RESPONSES",
  "WEBHOOK_ALLOW_PRIVATE",
  "KAFKA_BOOTSTRAP_SERVERS",
  "KAFKA_TOPIC",
  "KAFKA_USERNAME",
  "KAFKA_PASSWORD",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_TLS",
];
const onlyOnCloudflare = ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"];

it.each([
  [".env.example", "node", all.filter((name) => !onlyOnCloudflare.includes(name))],
  [".dev.vars.example", "cloudflare", all.filter((name) => !onlyOnNode.includes(name))],
] as const)(
  "%s names the settings of %s, each once, commented out, with its default",
  (file, platform, names) => {
    const text = readFileSync(join(import.meta.dirname, "../..", file), "utf8");
    expect(parseEnv(text)).toEqual({});
    const lines = text.match(/^#[A-Z_]+=/gm) ?? [];
    expect(lines.toSorted()).toEqual(names.map((name) => `#${name}=`).toSorted());
    const uncommented = parseEnv(text.replaceAll(/^#(?=[A-Z_]+=)/gm, ""));
    expect(parseConfig(uncommented, platform)).toEqual(parseConfig({}, platform));
    // Left empty is only what has no default of its own.
    const empty = Object.keys(uncommented).filter((name) => uncommented[name] === "");
    expect(empty.filter((name) => name in settings.parse({}))).toEqual([]);
  },
);
