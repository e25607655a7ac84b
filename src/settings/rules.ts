/** What each setting by itself cannot say. */
import { isLoopback } from "../domain/loopback.ts";
import type { SettingName, Settings } from "./settings.ts";

export type PlatformName = "node" | "cloudflare";

/** What must hold between settings, or between a setting and the platform. */
export interface Rule {
  /** The setting that is reported. */
  readonly name: SettingName;
  /** The others that it looks at; where one of them is wrong by itself, the rule has no say. */
  readonly together: readonly SettingName[];
  readonly isBroken: (given: Settings, platform: PlatformName) => boolean;
  readonly allowed: (given: Settings) => string;
}

/** 1.5 MiB: a comparison must fit into one row of a Durable Object, which holds 2 MB. */
const maxBodyBytesOnCloudflare = 1_572_864;

export const rules: readonly Rule[] = [
  {
    name: "API_KEYS",
    together: ["ENVIRONMENT"],
    isBroken: (given) => given.ENVIRONMENT === "production" && given.API_KEYS === undefined,
    allowed: () => "at least one key in production (npm run key -- NAME makes one)",
  },
  {
    name: "API_KEYS",
    together: ["ENVIRONMENT", "HOST"],
    isBroken: (given, platform) =>
      platform === "node" &&
      given.ENVIRONMENT !== "production" &&
      given.API_KEYS === undefined &&
      !isLoopback(given.HOST),
    allowed: (given) =>
      `unset only while HOST is a loopback address, and it is "${given.HOST}" (npm run key -- NAME makes a key)`,
  },
  {
    name: "OPERATOR_KEYS",
    together: ["API_KEYS"],
    isBroken: ({ API_KEYS = [], OPERATOR_KEYS = [] }) =>
      OPERATOR_KEYS.some(({ sha256 }) => API_KEYS.some((tenant) => tenant.sha256 === sha256)),
    allowed: () => "keys that no tenant has: what operators see is of all tenants",
  },
  {
    name: "UPSTASH_REDIS_REST_URL",
    together: ["UPSTASH_REDIS_REST_TOKEN"],
    isBroken: (given) =>
      given.UPSTASH_REDIS_REST_URL === undefined && given.UPSTASH_REDIS_REST_TOKEN !== undefined,
    allowed: () => "the URL that belongs to UPSTASH_REDIS_REST_TOKEN, or neither of them",
  },
  {
    name: "UPSTASH_REDIS_REST_TOKEN",
    together: ["UPSTASH_REDIS_REST_URL"],
    isBroken: (given) =>
      given.UPSTASH_REDIS_REST_TOKEN === undefined && given.UPSTASH_REDIS_REST_URL !== undefined,
    allowed: () => "the token that belongs to UPSTASH_REDIS_REST_URL, or neither of them",
  },
  {
    name: "UPSTASH_REDIS_REST_URL",
    together: ["ENVIRONMENT"],
    isBroken: ({ ENVIRONMENT, UPSTASH_REDIS_REST_URL: url }) =>
      ENVIRONMENT === "production" && url !== undefined && isUnencrypted(url),
    allowed: () => "an https:// URL in production",
  },
  {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    together: ["OTEL_EXPORTER_OTLP_HEADERS"],
    isBroken: (given) =>
      given.OTEL_EXPORTER_OTLP_ENDPOINT === undefined && given.OTEL_EXPORTER_OTLP_HEADERS !== undefined,
    allowed: () => "the URL that OTEL_EXPORTER_OTLP_HEADERS are for, or neither of them",
  },
  {
    name: "CIRCUIT_BREAKER_RECOVERY_TIMEOUT",
    together: ["CIRCUIT_BREAKER_MAX_OPEN_SECONDS"],
    isBroken: (given) => given.CIRCUIT_BREAKER_RECOVERY_TIMEOUT > given.CIRCUIT_BREAKER_MAX_OPEN_SECONDS,
    allowed: (given) =>
      `at most CIRCUIT_BREAKER_MAX_OPEN_SECONDS, which is ${given.CIRCUIT_BREAKER_MAX_OPEN_SECONDS}`,
  },
  {
    name: "QUEUE_LOW_WATERMARK",
    together: ["QUEUE_HIGH_WATERMARK"],
    isBroken: (given) => given.QUEUE_LOW_WATERMARK >= given.QUEUE_HIGH_WATERMARK,
    allowed: (given) => `less than QUEUE_HIGH_WATERMARK, which is ${given.QUEUE_HIGH_WATERMARK}`,
  },
  {
    name: "MAX_BODY_BYTES",
    together: [],
    isBroken: (given, platform) =>
      platform === "cloudflare" && given.MAX_BODY_BYTES > maxBodyBytesOnCloudflare,
    allowed: () => `a whole number from 1 to ${maxBodyBytesOnCloudflare} on Cloudflare`,
  },
  {
    name: "RECORD_LLM_RESPONSES",
    together: ["ENVIRONMENT"],
    isBroken: (given, platform) =>
      given.RECORD_LLM_RESPONSES && (platform !== "node" || given.ENVIRONMENT !== "development"),
    allowed: () => "true only on Node with ENVIRONMENT=development",
  },
];

/** True for an http:// URL of another machine. */
export function isUnencrypted(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !isLoopback(hostname);
}
