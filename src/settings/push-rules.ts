/** What the settings of webhooks and of the bus cannot say each by itself. */
import { isLoopback } from "../domain/loopback.ts";
import { endpointKey, hostOf, type NamedUrl } from "./push-settings.ts";
import { isUnencrypted, type PlatformName, type Rule } from "./rules.ts";
import type { SettingName, Settings } from "./settings.ts";

const hint = "(npm run webhook -- TENANT/NAME URL prints one)";

export const pushRules: readonly Rule[] = [
  {
    name: "WEBHOOK_CALLBACK_PREFIXES",
    together: ["WEBHOOK_URLS"],
    isBroken: (given) => inBoth(given) !== undefined,
    allowed: (given) => `names that WEBHOOK_URLS has not, and ${inBoth(given)} is in both`,
  },
  {
    name: "WEBHOOK_SECRETS",
    together: ["WEBHOOK_URLS", "WEBHOOK_CALLBACK_PREFIXES"],
    isBroken: (given) => withoutSecret(given) !== undefined,
    allowed: (given) => `a secret for each endpoint and prefix, and ${withoutSecret(given)} has none ${hint}`,
  },
  {
    name: "WEBHOOK_SECRETS",
    together: ["WEBHOOK_URLS", "WEBHOOK_CALLBACK_PREFIXES"],
    isBroken: (given) => secretOfNobody(given) !== undefined,
    allowed: (given) => `secrets of endpoints and prefixes, and ${secretOfNobody(given)} is neither`,
  },
  ...(["WEBHOOK_URLS", "WEBHOOK_CALLBACK_PREFIXES", "EVENTS_URL"] as const).flatMap(urlRules),
  {
    name: "WEBHOOK_ALLOW_PRIVATE",
    together: [],
    isBroken: (given, platform) => given.WEBHOOK_ALLOW_PRIVATE && platform === "cloudflare",
    allowed: () => "false on Cloudflare, from where no private address is reached",
  },
  {
    name: "EVENTS_URL",
    together: ["KAFKA_BOOTSTRAP_SERVERS"],
    isBroken: (given, platform) =>
      platform === "node" && given.EVENTS_URL !== undefined && given.KAFKA_BOOTSTRAP_SERVERS !== undefined,
    allowed: () => "nothing beside KAFKA_BOOTSTRAP_SERVERS: events are sent to one place",
  },
  belongsTo("EVENTS_TOKEN", "EVENTS_URL", "the URL"),
  belongsTo("KAFKA_USERNAME", "KAFKA_BOOTSTRAP_SERVERS", "the brokers"),
  belongsTo("KAFKA_PASSWORD", "KAFKA_USERNAME", "the name"),
  belongsTo("KAFKA_USERNAME", "KAFKA_PASSWORD", "the password"),
  {
    name: "KAFKA_SASL_MECHANISM",
    together: ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_PASSWORD", "KAFKA_TLS"],
    isBroken: (given) =>
      given.KAFKA_SASL_MECHANISM === "plain" &&
      given.KAFKA_PASSWORD !== undefined &&
      isPlainKafka(given.KAFKA_BOOTSTRAP_SERVERS, given.KAFKA_TLS),
    allowed: () =>
      "scram-sha-512 or scram-sha-256 where KAFKA_TLS is false and brokers are on other machines: plain shows them the password unencrypted",
  },
];

/** True for brokers on other machines to which nothing is encrypted. */
export function isPlainKafka(servers: readonly string[] = [], tls: boolean): boolean {
  return !tls && servers.some((server) => !isLoopback(hostOf(server)));
}

function belongsTo(name: SettingName, other: SettingName, what: string): Rule {
  return {
    name: other,
    together: [name],
    isBroken: (given) => given[name] !== undefined && given[other] === undefined,
    allowed: () => `${what} that ${name} is for, or neither of them`,
  };
}

type UrlSetting = "WEBHOOK_URLS" | "WEBHOOK_CALLBACK_PREFIXES" | "EVENTS_URL";

function urlRules(name: UrlSetting): readonly Rule[] {
  const plain = (given: Settings) =>
    given.WEBHOOK_ALLOW_PRIVATE ? undefined : wrongOf(given, name, isUnencrypted);
  const address = (given: Settings) => wrongOf(given, name, isAddressElsewhere);
  return [
    {
      name,
      together: ["WEBHOOK_ALLOW_PRIVATE"],
      isBroken: (given) => plain(given) !== undefined,
      allowed: (given) =>
        `https://, and http:// only to this machine or, on Node, with WEBHOOK_ALLOW_PRIVATE=true${plain(given)}`,
    },
    {
      name,
      together: [],
      isBroken: (given, platform: PlatformName) => platform === "cloudflare" && address(given) !== undefined,
      allowed: (given) => `names of hosts on Cloudflare, no addresses${address(given)}`,
    },
  ];
}

/** @returns which of a setting's URLs is wrong, as the end of a sentence; `undefined`: none is */
function wrongOf(given: Settings, name: UrlSetting, isWrong: (url: string) => boolean): string | undefined {
  const value = given[name];
  if (typeof value === "string") return isWrong(value) ? "" : undefined;
  const wrong = value?.find(({ url }) => isWrong(url));
  return wrong && `; ${endpointKey(wrong)} is otherwise`;
}

/** A URL that was parsed has an IPv4 address in its plain form, however it was written, and an IPv6 address in brackets. */
function isAddressElsewhere(url: string): boolean {
  const { hostname } = new URL(url);
  return /^\[|^[\d.]+$/.test(hostname) && !isLoopback(hostname);
}

const keysOf = (urls: readonly NamedUrl[] = []) => urls.map(endpointKey);

function inBoth({ WEBHOOK_URLS, WEBHOOK_CALLBACK_PREFIXES }: Settings): string | undefined {
  return keysOf(WEBHOOK_CALLBACK_PREFIXES).find((key) => keysOf(WEBHOOK_URLS).includes(key));
}

function withoutSecret(given: Settings): string | undefined {
  return receiversOf(given).find((key) => given.WEBHOOK_SECRETS?.has(key) !== true);
}

function secretOfNobody(given: Settings): string | undefined {
  return [...(given.WEBHOOK_SECRETS?.keys() ?? [])].find((key) => !receiversOf(given).includes(key));
}

function receiversOf({ WEBHOOK_URLS, WEBHOOK_CALLBACK_PREFIXES }: Settings): readonly string[] {
  return [...keysOf(WEBHOOK_URLS), ...keysOf(WEBHOOK_CALLBACK_PREFIXES)];
}
