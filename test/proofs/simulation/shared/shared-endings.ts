/** That everything comes to its end where processes share a store: judged or expired in good time, and nothing left in any store. */
import { root } from "../../../../src/stores/redis/redis.ts";
import type { FallbackFile } from "../../../support/failover/memory-fallback.ts";
import type { Hope } from "../hope.ts";
import type { World } from "../world.ts";
import type { RedisServer } from "./redis-server.ts";
import type { SharedInstance } from "./shared-instance.ts";
import type { StoreWatch } from "./watch-stores.ts";

export interface SharedParts {
  readonly world: World;
  readonly watch: StoreWatch;
  readonly server: RedisServer;
  readonly files: readonly FallbackFile[];
  readonly running: readonly SharedInstance[];
  readonly hope: Hope;
}

/** The longest hold of a model or of credentials is 15 minutes. */
const recoveredMs = 25 * 60_000;

/** Once nothing fails, whatever waits is judged, and all that was kept elsewhere has moved. */
export function checkSharedProgress(parts: SharedParts): void {
  const { world, watch, running, hope } = parts;
  world.scheduler.after(world.plan.healMs + recoveredMs, () => {
    for (const known of watch.all()) {
      const { id, status } = known;
      if (hope.wellFromMs(known) === Infinity) continue;
      if (status === "queued" || status === "processing")
        if (watch.inRedis().has(id) || isHere(parts, id))
          world.violate("4 ends", `${status} long after all was well`, id);
    }
    if ([...watch.all()].every((known) => hope.wellFromMs(known) < Infinity)) {
      checkFiles(parts);
      checkTexts(parts);
    }
    if (!watch.hasLost())
      for (const id of watch.forNobody())
        world.violate("10 fresh", "judged for nobody, and nobody says so", id);
    if (!watch.hasLost()) return;
    for (const instance of running) void checkWarned(world, instance);
  });
}

/** What may be lost is said. */
async function checkWarned(world: World, instance: SharedInstance): Promise<void> {
  const warnings = await instance.warnings();
  if (warnings?.length === 0) world.violate("1 kept", "tickets were lost, and nobody was warned");
}

/** A number for each tenant, so that none comes twice. */
const countersKey = `${root}queue:feeds`;

/** Nothing is left to happen: nothing may be left. */
export function checkSharedEnd(parts: SharedParts): void {
  const { world, server } = parts;
  checkFiles(parts);
  checkTexts(parts);
  for (const { key, endsAtMs } of server.data.dump()) {
    const isRecord = ["queue:", "keys:"].some((part) => key.startsWith(`${root}${part}`));
    if (isRecord && endsAtMs === null && key !== countersKey)
      world.violate("4 ends", `Redis keeps ${key} for ever`);
  }
}

function isHere({ files }: SharedParts, id: string): boolean {
  return files.some(({ rows }) => rows.has(id));
}

function checkFiles({ world, files }: SharedParts): void {
  for (const [slot, { rows, spool, doubtful }] of files.entries()) {
    const where = `process ${slot + 1}`;
    for (const id of rows.keys()) world.violate("4 ends", `${where} has not moved it`, id);
    for (const { id } of spool.values()) world.violate("4 ends", `${where} has not told its outcome`, id);
    for (const { id } of doubtful.values()) world.violate("4 ends", `${where} still doubts it`, id);
  }
}

function checkTexts({ world, files, server }: SharedParts): void {
  const isEssay = (text: string) => text.includes("Essay one of") || text.includes("Essay two of");
  const left = server.data.dump().find(({ text }) => isEssay(text));
  if (left) world.violate("11 erased", `Redis keeps texts in ${left.key}`);
  for (const { rows, spool } of files)
    if (isEssay(JSON.stringify([...rows.values(), ...spool.values()])))
      world.violate("11 erased", "a process keeps texts");
}
