/** Whoever webhooks go to: what the settings say, as the store of deliveries knows it and as it is sent to. */
import type { KnownEndpoint } from "../domain/push/endpoint.ts";
import type { EndpointName, ToldAbout, ToldEndpoints } from "../gateway/delivery-store.ts";
import type { Sha256 } from "../gateway/ports.ts";
import type { CallbackPrefix } from "./callback.ts";
import { reachOf, type Reach } from "./post.ts";

/** As the settings have it. */
interface Configured extends EndpointName {
  readonly url: string;
  readonly secrets: readonly string[];
}

export interface WebhookSettings {
  readonly endpoints: readonly Configured[];
  readonly prefixes: readonly Configured[];
  readonly includeResult: boolean;
  readonly allowPrivate: boolean;
  readonly maxPending: number;
}

export interface Receiver extends Configured {
  readonly known: KnownEndpoint;
  readonly host: string;
  readonly reach: Reach;
}

export interface Receivers extends ToldEndpoints {
  /** In the order of the settings, endpoints first. */
  readonly all: readonly Receiver[];
  readonly known: readonly KnownEndpoint[];
  /** `null`: the settings name none so. */
  find(name: EndpointName): Receiver | null;
  readonly includeResult: boolean;
  /** What callers' own URLs must begin with. */
  readonly prefixes: readonly CallbackPrefix[];
}

export async function receiversOf(settings: WebhookSettings, sha256: Sha256): Promise<Receivers> {
  const { endpoints, prefixes, allowPrivate, maxPending, includeResult } = settings;
  const all = await Promise.all([
    ...endpoints.map((one) => receiver(one, "endpoint", allowPrivate, sha256)),
    // What a caller names never leads to a private address.
    ...prefixes.map((one) => receiver(one, "callback", false, sha256)),
  ]);
  const known = all.map((one) => one.known);
  const byTenant = Map.groupBy(known, ({ tenant }) => tenant);
  const byName = new Map(all.map((one) => [`${one.tenant}/${one.name}`, one]));

  return {
    all,
    known,
    includeResult,
    prefixes,
    maxPending,
    find: ({ tenant, name }) => byName.get(`${tenant}/${name}`) ?? null,
    endpointsOf: ({ tenant, callback }: ToldAbout) =>
      (byTenant.get(tenant) ?? []).filter(({ kind, name }) =>
        callback === undefined ? kind === "endpoint" : kind === "callback" && name === callback.name,
      ),
  };
}

/** Of the fingerprint so many hex digits: enough to see that a URL is another one. */
const fingerprintLength = 16;

async function receiver(
  configured: Configured,
  kind: KnownEndpoint["kind"],
  allowPrivate: boolean,
  sha256: Sha256,
): Promise<Receiver> {
  const { tenant, name, url, secrets } = configured;
  const fingerprint = (await sha256(url)).slice(0, fingerprintLength);
  return {
    tenant,
    name,
    url,
    secrets,
    known: { tenant, name, kind, fingerprint },
    host: new URL(url).host,
    reach: reachOf(url, allowPrivate),
  };
}
