/** The disk under `DATA_DIR` is full: what the service promises then, as a process, on a real file system without a byte left. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { hasSmallDisk, smallDiskForTest, type SmallDisk } from "../support/small-disk.ts";

const isMissing = !hasSmallDisk("a full disk");
/** The machine may be busy with much else. */
const patience = { timeout: 60_000, interval: 100 };

async function serviceOn({ directory }: SmallDisk, env: Readonly<Record<string, string>> = {}) {
  const service = await startNodeService({ DATA_DIR: directory, ...env });
  onTestFinished(() => service.kill("SIGKILL"));
  return service;
}

const queued = (essay = "An essay.") => ({ processing_mode: "queue", essay_a: essay });

async function keep(service: NodeService, count: number, essay?: string): Promise<string[]> {
  const kept = await Promise.all(Array.from({ length: count }, () => service.compare(queued(essay))));
  expect(kept.map(({ status }) => status)).toEqual(kept.map(() => 202));
  return kept.map(({ body }) => String(body["status_url"]));
}

async function statuses(service: NodeService, urls: readonly string[]): Promise<string[]> {
  const all = await Promise.all(urls.map((url) => service.request(url)));
  return all.map(({ body }) => String(body["status"]));
}

const sqlite = async (service: NodeService) => {
  const { status, body } = await service.request("/healthz");
  const { sqlite } = body["dependencies"] as { readonly sqlite: { status: string; error?: string } };
  return [status, sqlite.status, sqlite.error];
};

describe.skipIf(isMissing)("where the disk is full", { timeout: 100_000 }, () => {
  it("tickets that wait are judged, though nothing new is kept; health and log say so, and it goes on by itself", async () => {
    const disk = smallDiskForTest(24);
    const service = await serviceOn(disk, { QUEUE_CONCURRENCY: "1", MOCK_LATENCY_MS: "50" });
    const urls = await keep(service, 40, "x".repeat(20_000));
    disk.fill();
    // Another program takes whatever becomes free, as a log would.
    const fetcher = setInterval(disk.fill, 20);
    onTestFinished(() => clearInterval(fetcher));

    const refused = await service.compare(queued());
    expect([refused.status, refused.body["error_type"]]).toEqual([503, "SERVICE_UNAVAILABLE"]);
    expect(await sqlite(service)).toEqual([503, "down", "full"]);
    expect([(await service.request("/livez")).status, (await service.request("/readyz")).status]).toEqual([
      200, 503,
    ]);
    expect((await service.request("/healthz")).body["warnings"]).toEqual([
      expect.stringMatching(/^The disk under DATA_DIR is full/),
    ]);
    const live = await service.compare({ processing_mode: "immediate" });
    expect(live.status).toBe(200);
    await vi.waitFor(
      async () => expect(new Set(await statuses(service, urls))).toEqual(new Set(["completed"])),
      patience,
    );
    expect(await sqlite(service)).toEqual([503, "down", "full"]);
    expect((await service.compare(queued())).status).toBe(503);

    clearInterval(fetcher);
    disk.empty();
    await vi.waitFor(() => expect(service.logged("store_accepts")).toHaveLength(1), patience);
    expect(await sqlite(service)).toEqual([200, "up", undefined]);
    await keep(service, 5);
    expect(service.logged("store_refuses")).toMatchObject([
      { level: "error", store: "sqlite", failure: "full", failure_code: "SQLITE_FULL" },
    ]);
  });

  it("that it has filled itself, it empties itself", async () => {
    const disk = smallDiskForTest(20);
    const service = await serviceOn(disk, { MOCK_LATENCY_MS: "1500" });
    const urls: string[] = [];
    const essay = "x".repeat(180_000);
    for (;;) {
      const kept = await service.compare({ processing_mode: "queue", essay_a: essay, essay_b: essay });
      if (kept.status !== 202) break;
      urls.push(String(kept.body["status_url"]));
    }
    expect(await sqlite(service)).toEqual([503, "down", "full"]);
    await vi.waitFor(
      async () => expect(new Set(await statuses(service, urls))).toEqual(new Set(["completed"])),
      patience,
    );
    await vi.waitFor(async () => expect(await sqlite(service)).toEqual([200, "up", undefined]), patience);
    await keep(service, 5, essay);
  });

  it("a start goes well, and tickets that wait are judged", async () => {
    const disk = smallDiskForTest(24);
    const env = { QUEUE_CONCURRENCY: "1", MOCK_LATENCY_MS: "300" };
    const first = await serviceOn(disk, env);
    const urls = await keep(first, 12, "x".repeat(20_000));
    disk.fill();
    first.kill("SIGKILL");
    await first.ended;
    disk.fill();

    const second = await serviceOn(disk, { ...env, MOCK_LATENCY_MS: "0" });
    await vi.waitFor(
      async () => expect(new Set(await statuses(second, urls))).toEqual(new Set(["completed"])),
      patience,
    );
    expect((await second.compare(queued())).status).toBe(503);
    expect(await sqlite(second)).toEqual([503, "down", "full"]);
    disk.empty();
    await vi.waitFor(async () => expect(await sqlite(second)).toEqual([200, "up", undefined]), patience);
    expect(await second.stop()).toMatchObject({ code: 0 });
  });

  it("a large ticket that had no room is what health goes by, not the small ones that have", async () => {
    const disk = smallDiskForTest(10);
    const service = await serviceOn(disk, { MOCK_LATENCY_MS: "60000" });
    const essay = "x".repeat(200_000);
    const large = { processing_mode: "queue", essay_a: essay, essay_b: essay };
    await vi.waitFor(async () => expect((await service.compare(large)).status).toBe(503), patience);
    expect(await sqlite(service)).toEqual([503, "down", "full"]);
    expect((await service.compare(queued())).status).toBe(202);
    expect(await sqlite(service)).toEqual([503, "down", "full"]);
    await vi.waitFor(() => expect(service.logged("store_refuses")).toHaveLength(1), patience);
    expect(service.logged("store_accepts")).toEqual([]);
  });
});
