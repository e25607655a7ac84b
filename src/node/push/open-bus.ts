/** The bus that the settings name. */
import type { Clock } from "../../gateway/ports.ts";
import type { Bus } from "../../push/bus.ts";
import { httpBus } from "../../push/http-bus.ts";
import { reachOf, type Post } from "../../push/post.ts";
import type { Config } from "../../settings/config.ts";

/** POSTs at once. */
const mostPosts = 8;

/** @returns `null`: there is none */
export async function openBus({ bus, webhooks }: Config, clock: Clock, post: Post): Promise<Bus | null> {
  const { kafka, http } = bus;
  // Who has no Kafka does not load what speaks to it.
  if (kafka !== null) return (await import("./kafka.ts")).kafkaBus(kafka, clock);
  if (http === null) return null;
  const { url, token } = http;
  const reach = reachOf(url, webhooks.allowPrivate);
  return httpBus({ token, post: (headers, body) => post({ url, headers, body, reach }), most: mostPosts });
}
