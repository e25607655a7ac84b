/** The bus that the settings name. */
import type { Clock } from "../../gateway/ports.ts";
import type { Bus } from "../../push/bus.ts";
import { httpBus } from "../../push/http-bus.ts";
import { reachOf } from "../../push/post.ts";
import type { Config } from "../../settings/config.ts";
import type { GuardedTransportOptions } from "./guarded-transport.ts";

/** POSTs at once. */
const mostPosts = 8;

/** @returns `null`: there is none */
export async function openBus(
  { bus, webhooks }: Config,
  clock: Clock,
  transport: GuardedTransportOptions = {},
): Promise<Bus | null> {
  const { kafka, http } = bus;
  // Who has no Kafka does not load what speaks to it, and who has no sink no guard.
  if (kafka !== null) return (await import("./kafka.ts")).kafkaBus(kafka, clock);
  if (http === null) return null;
  const { guardedTransport } = await import("./guarded-transport.ts");
  const { post, close } = guardedTransport(transport);
  const { url, token } = http;
  const reach = reachOf(url, webhooks.allowPrivate);
  const sink = httpBus({
    token,
    post: (headers, body) => post({ url, headers, body, reach }),
    most: mostPosts,
  });
  return { ...sink, close };
}
