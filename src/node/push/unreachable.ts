/** What the settings name and nothing will ever be sent to. */
import { isIP } from "node:net";
import { reachOf } from "../../push/post.ts";
import type { Config } from "../../settings/config.ts";
import { endpointKey } from "../../settings/push-settings.ts";
import { mayReach } from "./addresses.ts";

/** Only of addresses: where a name leads is known when it is sent to. @returns a sentence for each receiver, for whoever runs the service */
export function unreachableReceivers({ webhooks, bus }: Pick<Config, "webhooks" | "bus">): readonly string[] {
  const { endpoints, prefixes, allowPrivate } = webhooks;
  const inPrefixes = prefixes
    .filter(({ url }) => isOutOfReach(url, false))
    .map(
      (prefix) =>
        `WEBHOOK_CALLBACK_PREFIXES: ${endpointKey(prefix)} has an address that is not the internet's`,
    );
  const inUrls = endpoints
    .filter(({ url }) => isOutOfReach(url, allowPrivate))
    .map((endpoint) => `WEBHOOK_URLS: ${endpointKey(endpoint)} has ${what(allowPrivate)}`);
  const inBus =
    bus.http !== null && isOutOfReach(bus.http.url, allowPrivate)
      ? [`EVENTS_URL has ${what(allowPrivate)}`]
      : [];
  return [...inUrls, ...inPrefixes, ...inBus].map((said) => `${said}: nothing is sent there`);
}

function what(allowPrivate: boolean): string {
  return allowPrivate
    ? "an address that is neither the internet's nor a private network's"
    : "an address that is not the internet's, and WEBHOOK_ALLOW_PRIVATE is false";
}

function isOutOfReach(url: string, allowPrivate: boolean): boolean {
  const host = new URL(url).hostname.replaceAll(/[[\]]/g, "");
  return isIP(host) !== 0 && !mayReach(host, reachOf(url, allowPrivate));
}
