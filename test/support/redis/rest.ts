/** The stores' way to a Redis that is reached over HTTP as Upstash is, by its own SDK. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis as Upstash } from "@upstash/redis";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { root, type Redis } from "../../../src/stores/redis/redis.ts";

const source = readFileSync(
  join(import.meta.dirname, "../../../src/stores/redis/script/compiled.lua"),
  "utf8",
);
const sha1 = createHash("sha1").update(source).digest("hex");

export function restTransport(url: string, token: string): Redis {
  const upstash = new Upstash({
    url,
    token,
    retry: { retries: 0 },
    enableAutoPipelining: false,
    automaticDeserialization: false,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(10_000),
  });

  async function command(name: string, ...args: readonly string[]): Promise<unknown> {
    return upstash.exec<unknown>([name, ...args]);
  }

  return {
    async command(name = "", ...args) {
      try {
        return await command(name, ...args);
      } catch (error) {
        throw new StoreAway(String(error));
      }
    },
    async run(call, texts) {
      try {
        return (await command("EVALSHA", sha1, "1", root, call, ...texts)) as readonly unknown[];
      } catch (error) {
        if (!String(error).includes("NOSCRIPT")) throw new StoreAway(String(error));
        return (await command("EVAL", source, "1", root, call, ...texts)) as readonly unknown[];
      }
    },
  };
}
