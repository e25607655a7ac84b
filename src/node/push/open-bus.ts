/** The bus that the settings name. */
import type { Clock } from "../../gateway/ports.ts";
import type { Bus } from "../../push/bus.ts";
import { httpBus } from "../../push/http-bus.ts";
import type { Config } from "../../settings/config.ts";
import { plainPost } from "./plain-post.ts";

/** POSTs at once. */
const mostPosts = 8;

/** @returns `null`: there is none */
export async function openBus({ bus: { kafka, http } }: Config, clock: Clock): Promise<Bus | null> {
  // Who has no Kafka does not load what speaks to it.
  if (kafka !== null) return (await import("./kafka.ts")).kafkaBus(kafka, clock);
  if (http === null) return null;
  return httpBus({ token: http.token, post: plainPost(http.url), most: mostPosts });
}
