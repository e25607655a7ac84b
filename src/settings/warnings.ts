/** What is allowed but hardly meant, a sentence each for whoever runs the service. No value of a secret is in them. */
import { isLoopback } from "../domain/loopback.ts";
import { editDistance } from "../domain/edit-distance.ts";
import type { Config } from "./config.ts";
import { isUnencrypted, type PlatformName } from "./rules.ts";
import { endpointKey } from "./push-settings.ts";
import { isPlainKafka } from "./push-rules.ts";
import { settings, variablesOf } from "./settings.ts";
import { loopbackTenant } from "./tenants.ts";

type Env = Readonly<Record<string, unknown>>;

export function warningsAbout(
  config: Omit<Config, "warnings">,
  env: Env,
  platform: PlatformName,
): readonly string[] {
  const { defaultProvider, mock, providers, upstash } = config;
  const isDefaultUsable =
    defaultProvider === "mock" ? mock.enabled : isConfigured(providers[defaultProvider]);
  return [
    ...unknownNames(env),
    ...quotedValues(env),
    ...(isDefaultUsable
      ? []
      : [`the default provider is ${defaultProvider}, which is not enabled or has no key here`]),
    ...unencrypted(config, platform),
    ...weightsOfNobody(config),
    ...webhooksOfNobody(config),
    ...(platform === "cloudflare" ? forNode(config) : []),
    ...(platform === "node" && upstash !== null
      ? ["UPSTASH_REDIS_REST_URL is for Cloudflare: on Node nothing reads it"]
      : []),
  ];
}

function forNode({ redisUrl, tracing, serverTiming, bus }: Omit<Config, "warnings">): readonly string[] {
  const given = [
    ...(redisUrl === null ? [] : ["REDIS_URL"]),
    ...(tracing === null ? [] : ["OTEL_EXPORTER_OTLP_ENDPOINT"]),
    ...(serverTiming ? ["SERVER_TIMING"] : []),
    ...(bus.kafka === null ? [] : ["KAFKA_BOOTSTRAP_SERVERS"]),
  ];
  return given.map((name) => `${name} is for Node: on Cloudflare nothing reads it`);
}

/** For the start alone: it is no fault, and `/healthz` is everybody's. */
export function operatorWarnings({ operators, host }: Pick<Config, "operators" | "host">): readonly string[] {
  switch (operators.kind) {
    case "nobody":
      return ["OPERATOR_KEYS is not set, so /metrics and /console answer 401 to everybody"];
    case "keys":
      return isLoopback(host)
        ? []
        : [
            `HOST is ${host}: unless TLS is in front, operators' keys travel unencrypted to /console and /metrics`,
          ];
    case "loopback":
      return [];
  }
}

function weightsOfNobody({ access, tenantWeights }: Omit<Config, "warnings">): readonly string[] {
  const tenants = access.kind === "keys" ? access.keys.map(({ tenant }) => tenant) : [];
  return Object.keys(tenantWeights)
    .filter((tenant) => !tenants.includes(tenant))
    .map((tenant) => `TENANT_WEIGHTS names ${tenant}, who has no key here`);
}

function webhooksOfNobody({ access, webhooks }: Omit<Config, "warnings">): readonly string[] {
  const tenants = access.kind === "keys" ? access.keys.map(({ tenant }) => tenant) : [loopbackTenant];
  const strangers = ({ tenant }: { readonly tenant: string }) => !tenants.includes(tenant);
  const hint = access.kind === "keys" ? "" : ` (without API_KEYS everybody is ${loopbackTenant})`;
  return [
    ...new Set([
      ...webhooks.endpoints.filter(strangers).map(({ tenant }) => `WEBHOOK_URLS names ${tenant}`),
      ...webhooks.prefixes.filter(strangers).map(({ tenant }) => `WEBHOOK_CALLBACK_PREFIXES names ${tenant}`),
    ]),
  ].map((said) => `${said}, who has no key here${hint}`);
}

function isConfigured({ enabled, apiKey }: Config["providers"]["openai"]): boolean {
  return enabled && apiKey !== null;
}

/** What hardly means anything but us. */
const ourPrefixes =
  /^(ANTHROPIC|CIRCUIT_BREAKER|GOOGLE|LLM|MOCK|OPENAI|OPENROUTER|OPERATOR|QUEUE|TENANT|UPSTASH|WEBHOOK)_/;

const variables = Object.keys(settings.shape).flatMap(variablesOf);
const known: ReadonlySet<string> = new Set(variables);

function unknownNames(env: Env): readonly string[] {
  return Object.keys(env).flatMap((name) => {
    // Bindings are not strings, and may be called as they like.
    if (known.has(name) || typeof env[name] !== "string") return [];
    const near = nearName(name);
    if (near !== null && env[near] === undefined)
      return [`${name} is not a setting of this service: nothing reads it. ${near} is one`];
    return ourPrefixes.test(name) ? [`${name} is not a setting of this service: nothing reads it`] : [];
  });
}

/** How many letters a name may be off: short ones are near to much that others mean. */
function nearEnough(letters: number): number {
  if (letters < 6) return 0;
  return letters < 8 ? 1 : 2;
}

/** @returns the setting that was probably meant; `null`: none */
function nearName(name: string): string | null {
  const spelt = bare(name);
  const near = Object.keys(settings.shape)
    .map((known) => ({ known, distance: editDistance(spelt, bare(known)) }))
    .filter(({ known, distance }) => distance <= nearEnough(bare(known).length))
    .toSorted((a, b) => a.distance - b.distance);
  return near[0]?.known ?? null;
}

/** `DataDir`, `DATA-DIR` and `DATA_DIR` are one name, misspelt. */
function bare(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z]/g, "");
}

function quotedValues(env: Env): readonly string[] {
  return variables.flatMap((name) => {
    const value = env[name];
    return typeof value === "string" && /^(["']).*\1$/.test(value.trim())
      ? [`${name} is in quotes, which are part of it: docker's --env-file takes them as they are`]
      : [];
  });
}

const vendors = ["anthropic", "openai", "google", "openrouter"] as const;

function unencrypted(config: Omit<Config, "warnings">, platform: PlatformName): readonly string[] {
  const { providers, redisUrl, sentryDsn, tracing, upstash } = config;
  return [
    ...unencryptedPushes(config, platform),
    ...vendors
      .filter((vendor) => providers[vendor].apiKey !== null && isUnencrypted(providers[vendor].baseUrl))
      .map(
        (vendor) =>
          `${vendor.toUpperCase()}_BASE_URL is http:// to another machine: the key travels unencrypted`,
      ),
    ...(upstash !== null && isUnencrypted(upstash.url)
      ? ["UPSTASH_REDIS_REST_URL is http:// to another machine: the token travels unencrypted"]
      : []),
    ...(platform === "node" && redisUrl !== null && isPlainRedis(redisUrl)
      ? [
          "REDIS_URL is redis:// to another machine: password and essays travel unencrypted (rediss:// has TLS)",
        ]
      : []),
    ...(sentryDsn !== null && isUnencrypted(sentryDsn)
      ? ["SENTRY_DSN is http:// to another machine: reports travel unencrypted"]
      : []),
    ...(platform === "node" && tracing !== null && isUnencrypted(tracing.endpoint)
      ? [
          "OTEL_EXPORTER_OTLP_ENDPOINT is http:// to another machine: tenants' names and its headers travel unencrypted",
        ]
      : []),
  ];
}

function unencryptedPushes(
  { webhooks, bus }: Omit<Config, "warnings">,
  platform: PlatformName,
): readonly string[] {
  const { http, kafka } = bus;
  const receivers = [...webhooks.endpoints, ...webhooks.prefixes];
  return [
    ...receivers
      .filter(({ url }) => isUnencrypted(url))
      .map(
        (receiver) =>
          `the webhook ${endpointKey(receiver)} is http:// to another machine: it travels unencrypted`,
      ),
    ...(http !== null && isUnencrypted(http.url)
      ? [
          `EVENTS_URL is http:// to another machine: events${http.token === null ? "" : " and the token"} travel unencrypted`,
        ]
      : []),
    ...(platform === "node" && kafka !== null && isPlainKafka(kafka.bootstrapServers, kafka.tls)
      ? ["KAFKA_TLS is false, and brokers are on other machines: events travel unencrypted"]
      : []),
  ];
}

function isPlainRedis(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "redis:" && !isLoopback(hostname);
}
