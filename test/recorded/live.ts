/** The service over one of its stores, alive for as long as the story takes: what it answered, and what it then left in its store. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { vendorNames } from "../../tools/fake-upstream/script.ts";
import type { RedisFixture, SqliteFixture, WorkerdFixture } from "../migration/fixture.ts";
import { oldStores, type StoreName } from "../migration/make/stores.ts";
import { logFile } from "../support/processes.ts";
import { API_KEYS } from "../support/tenants.ts";
import { recordedSettings, recordedStory } from "./story.ts";

export interface Life {
  readonly recording: string;
  readonly left: SqliteFixture | RedisFixture | WorkerdFixture;
  /** Names of the events in the log. */
  readonly logged: readonly string[];
}

/** @param checkout whose code, with its packages installed @param lane of this life alone */
export async function liveThrough(name: StoreName, checkout: string, lane: Lane): Promise<Life> {
  const folder = mkdtempSync(join(tmpdir(), `recorded-${name}-`));
  const store = await oldStores[name](checkout, folder);
  const vendors = vendorNames.flatMap((vendor) => [
    [`${vendor.toUpperCase()}_API_KEY`, `key-to-${vendor}`],
    [`${vendor.toUpperCase()}_BASE_URL`, lane.baseUrls[vendor]],
  ]);
  const service = await store.start({
    ...recordedSettings,
    API_KEYS,
    ...(Object.fromEntries(vendors) as Record<string, string>),
  });
  try {
    const recording = await recordedStory(service.origin, lane);
    await service.kill();
    return { recording, left: await store.take(Date.now()), logged: eventsIn(join(folder, logFile)) };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Other programs than ours write there too. */
function eventsIn(file: string): readonly string[] {
  const events = readFileSync(file, "utf8").matchAll(/^\{"time":"[^"]*","level":"\w+","event":"(\w+)"/gm);
  return [...new Set([...events].map(([, event]) => String(event)))];
}
