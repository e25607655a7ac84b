/** Who is told of tickets: webhooks with their secrets, and the bus. */
import * as z from "zod";
import { entries, isNone } from "./entries.ts";
import { isTenantName } from "./tenants.ts";

/** A receiver of webhooks, or what `callback_url` of that tenant may begin with. Its `tenant/name` is once over both. */
export interface NamedUrl {
  readonly tenant: string;
  readonly name: string;
  /** As URLs are written when they have been parsed. Its path and its query may be secrets. */
  readonly url: string;
}

/** `tenant/name` of an endpoint. */
export const endpointKey = ({ tenant, name }: Pick<NamedUrl, "tenant" | "name">) => `${tenant}/${name}`;

export function endpointList() {
  return urlList("an https:// or http:// URL without user, password or fragment", () => true);
}

/** A prefix ends with its path: what has a query begins with no other URL's. */
export function prefixList() {
  return urlList(
    "an https:// or http:// URL without user, password, query or fragment",
    (url) => !url.includes("?"),
  );
}

const hint = "(npm run webhook -- TENANT/NAME URL prints one)";

function urlList(what: string, isAllowed: (url: string) => boolean) {
  const allowed = `entries "tenant/name=URL" separated by blanks, ${what} ${hint}`;
  return entries<NamedUrl, readonly NamedUrl[]>(
    allowed,
    (entry, known) => {
      const read = named(entry);
      const url = read && pushUrl(read.value);
      if (read === null || url === null || !isAllowed(read.value)) return isNone(allowed);
      if (known.has(endpointKey(read))) return ["each tenant/name once", "repeats one"];
      known.set(endpointKey(read), { tenant: read.tenant, name: read.name, url });
      return null;
    },
    (known) => [...known.values()],
    /\s+/,
  );
}

/** Where events may be sent to. @returns the URL as it is written when it has been parsed; `null`: not one to which anything is sent */
function pushUrl(text: string): string | null {
  if (!/^https?:\/\/[^\s#\\]{1,2000}$/i.test(text)) return null;
  const url = URL.parse(text);
  return url === null || url.username !== "" || url.password !== "" ? null : url.href;
}

/** An endpoint's secrets, new first: all of them sign. By `tenant/name`. */
export type SecretsByEndpoint = ReadonlyMap<string, readonly string[]>;

export function secretList() {
  const allowed = `entries "tenant/name=whsec_…" separated by blanks, 24 to 64 bytes in base64 behind whsec_ ${hint}`;
  return entries<string, SecretsByEndpoint>(
    allowed,
    (entry, known) => {
      const read = named(entry);
      if (read === null || !isWebhookSecret(read.value)) return isNone(allowed);
      // Whoever knows one endpoint's secret could speak to another one in our name.
      if (known.has(read.value)) return ["each secret once, for one tenant/name", "repeats one"];
      known.set(read.value, endpointKey(read));
      return null;
    },
    (known) => {
      const byEndpoint = Map.groupBy(known, ([, endpoint]) => endpoint);
      return new Map([...byEndpoint].map(([endpoint, all]) => [endpoint, all.map(([secret]) => secret)]));
    },
    /\s+/,
  );
}

/** As Standard Webhooks 1.0 has them. Base64 in its one canonical form: two texts are then two secrets. */
function isWebhookSecret(text: string): boolean {
  const [, base64 = ""] =
    /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(text) ?? [];
  const bytes = atob(base64);
  return bytes.length >= 24 && bytes.length <= 64 && btoa(bytes) === base64;
}

/** `tenant/name=value`, the name being written as a tenant's is. */
function named(entry: string): { tenant: string; name: string; value: string } | null {
  const [, tenant = "", name = "", value = ""] = /^([^/=]+)\/([^/=]+)=(.+)$/.exec(entry) ?? [];
  return isTenantName(tenant) && isTenantName(name) ? { tenant, name, value } : null;
}

/** For events, which are sent to one place. */
export function sinkUrl() {
  const allowed = "an https:// or http:// URL without user, password or fragment";
  return z.string(allowed).transform((found, context) => {
    const url = pushUrl(found);
    if (url !== null) return url;
    context.addIssue({ code: "custom", message: allowed });
    return z.NEVER;
  });
}

/** Kafka's own form. */
export function serverList() {
  const allowed = '"host:port" of brokers, separated by commas';
  return entries<string, readonly string[]>(
    allowed,
    (entry, known) => {
      const [, port] = /^(?:[\w.-]{1,255}|\[[\da-f:.]{2,45}\]):(\d{1,5})$/i.exec(entry) ?? [];
      if (port === undefined || Number(port) < 1 || Number(port) > 65_535) return isNone(allowed);
      known.set(entry, entry);
      return null;
    },
    (known) => [...known.keys()],
  );
}

/** The host of a server, without brackets. */
export function hostOf(server: string): string {
  return server.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
}
