/** The present code on Node, in a process of its own over a fixture, for one test. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { inject, onTestFinished } from "vitest";
import { checked } from "../support/answers.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { startNodeService } from "../support/node-service.ts";
import { untilRedisIs } from "../support/redis/pair.ts";
import type { Manifest } from "./fixture.ts";
import type { Move } from "./moments.ts";
import { headersFor, settingsFor, type OldWorld } from "./world.ts";

const fixtures = join(import.meta.dirname, "fixtures");

/** Whose fixtures there are: short hashes of commits. */
export const oldCommits: readonly string[] = readdirSync(fixtures).toSorted();

/** One of a commit's files. */
export function readFixture<T>(commit: string, file: string): T {
  return JSON.parse(readFileSync(join(fixtures, commit, file), "utf8")) as T;
}

let worlds = 0;

/** @param folder filled already. With REDIS_URL in `own` that Redis is up when it is there. */
export async function openWorld(
  manifest: Manifest,
  folder: string,
  move: Move,
  steps: readonly Step[],
  own: Readonly<Record<string, string>> = {},
): Promise<Omit<OldWorld, "stored">> {
  const lane = fakeLane(inject("fakeUpstreamUrl"), `migration-${process.pid}-${++worlds}`);
  await lane.rescript(steps);
  const service = await startNodeService({ ...settingsFor(manifest, lane), DATA_DIR: folder, ...own });
  onTestFinished(async () => {
    service.kill("SIGKILL");
    await service.ended;
  });
  if ("REDIS_URL" in own) await untilRedisIs("up", { service });
  return {
    lane,
    move,
    live: pause,
    async ask(tenant, path, init = {}) {
      const headers = headersFor(manifest, tenant, init);
      const response = await fetch(service.url + path, { ...init, headers });
      return checked(init.method ?? "GET", path, response, "idempotency-key" in headers);
    },
  };
}

/** Gone after the test. */
export function folderForTest(): string {
  const folder = mkdtempSync(join(tmpdir(), "migration-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** All that is in its files, as text. */
export function filesIn(folder: string): string {
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\n");
}
