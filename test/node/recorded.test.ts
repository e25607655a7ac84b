/**
 * The same API as before, byte for byte: one story over each store, in real processes, against its recording. The first recordings were made from
 * fd2ab07. A change that clients are to see is recorded anew: `npx node test/recorded/main.ts`, and its difference is read like code.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, inject, it } from "vitest";
import type { StoreName } from "../migration/make/stores.ts";
import { liveThrough } from "../recorded/live.ts";
import { keptNames } from "../support/kept-names.ts";
import { hasRedis } from "../support/redis/program.ts";
import { newStoredNames, storedNames } from "../support/stored-names.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";

const stores: readonly StoreName[] = hasRedis("the recorded story over Redis")
  ? ["sqlite", "redis", "workerd"]
  : ["sqlite", "workerd"];

/** Made where a tenant has a receiver of webhooks, which the story has not (test/cloudflare/objects/index-deliveries.test.ts). */
const ofReceivers = ["TenantIndex.deliveries", "TenantIndex.endpoints"];

describe.concurrent("the recorded story", { timeout: 120_000 }, () => {
  it.each(stores)(
    "is answered over %s as it was, and leaves no name behind that is not kept",
    async (store) => {
      const lane = fakeLane(inject("fakeUpstreamUrl"), `recorded-${store}`);
      const { recording, left, logged } = await liveThrough(store, resolve("."), lane);
      expect(recording).toBe(readFileSync(`test/recorded/${store}.txt`, "utf8"));
      const found = storedNames(left);
      expect(newStoredNames(found, keptNames.stored)).toEqual([]);
      // None is gone either.
      const isOurs = (place: string) =>
        place.includes(".") === (store === "workerd") && !ofReceivers.includes(place);
      const tables = Object.entries(keptNames.stored.tables).filter(([place]) => isOurs(place));
      expect(found.tables).toEqual(Object.fromEntries(tables));
      expect(logged.filter((event) => !keptNames.logEvents.includes(event))).toEqual([]);
    },
  );
});
