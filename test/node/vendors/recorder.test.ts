/** `RECORD_LLM_RESPONSES`: what a developer finds in the files, and what never is. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createMask } from "../../../src/telemetry/mask.ts";
import { recordingTransport } from "../../../src/node/vendors/recorder.ts";
import type { Transport } from "../../../src/providers/transport.ts";
import { fakeLane } from "../../../tools/fake-upstream/client.ts";
import { startNodeService } from "../../support/node-service.ts";

// A process needs a second of a busy machine to start.
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const key = "canary-key-0123456789";
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "recorder-"));
});
afterEach(() => rm(home, { recursive: true }));

async function records(directory: string) {
  const names = (await readdir(directory)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return names.map((name, at) => ({
    name,
    text: texts[at] ?? "",
    record: JSON.parse(texts[at] ?? "") as Record<string, Record<string, unknown>>,
  }));
}

it("writes each call to a file of its own, readable, without any key", async () => {
  const lane = fakeLane(inject("fakeUpstreamUrl"), "recorder");
  await lane.clear();
  const vendors = ["openai", "anthropic", "google", "openrouter"] as const;
  const service = await startNodeService(
    {
      ...Object.fromEntries(
        vendors.flatMap((vendor) => [
          [`${vendor.toUpperCase()}_API_KEY`, `${key}-${vendor}`],
          [`${vendor.toUpperCase()}_BASE_URL`, lane.baseUrls[vendor]],
        ]),
      ),
      RECORD_LLM_RESPONSES: "true",
      LLM_MAX_RETRIES: "0",
    },
    { cwd: home },
  );
  await lane.script([
    { fault: "status", status: 400, message: `No: ${key}-openai, sk-abcdef0123456789`, vendor: "openai" },
  ]);
  const statuses = [];
  for (const provider_override of [...vendors, "openai", "mock"]) {
    statuses.push((await service.compare({ llm_config_overrides: { provider_override } })).status);
  }
  expect(statuses).toEqual([422, 200, 200, 200, 200, 200]);
  await service.stop();
  const directory = join(home, "llm_response_logs");
  const files = await records(directory);
  // OpenRouter is asked for the model's capabilities first; the mock sends nothing.
  expect(files).toHaveLength(6);
  expect(files.map(({ record }) => record["answer"]?.["status"])).toEqual([400, 200, 200, 200, 200, 200]);
  for (const { name, text, record } of files) {
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-\d{4}-127\.0\.0\.1\.json$/);
    expect(text).not.toContain(key);
    expect(text).not.toContain("sk-abcdef");
    expect(record).toMatchObject({ time: expect.any(String), duration_ms: expect.any(Number) });
    expect(record["request"]).toMatchObject({ url: expect.stringContaining(lane.url) });
    // Bodies are JSON inside JSON no longer: they can be read.
    expect(record["answer"]?.["body"]).toBeTypeOf("object");
  }
  expect(files.at(-1)?.text).toContain("Cats sleep because they hunt.");
  expect(files.at(-1)?.text).toContain("\n");
  expect((await stat(directory)).mode & 0o077).toBe(0);
  expect((await stat(join(directory, files[0]?.name ?? ""))).mode & 0o077).toBe(0);
  expect(service.stdout() + service.stderr()).not.toContain(key);
});

const recording = (transport: Transport, faults: unknown[] = [], directory = join(home, "deep", "er")) =>
  recordingTransport(transport, {
    directory,
    nowMs: () => 0,
    mask: createMask([key]),
    onFault: (error) => faults.push(error),
  });

describe("the recording transport", () => {
  const request = {
    method: "POST",
    url: "https://vendor.example/x?y=1",
    headers: {},
    body: "not json",
    maxAnswerBytes: 9,
  } as const;
  const answer = { ok: true, value: { status: 200, header: () => null, text: "<html>" } } as const;
  const never = new AbortController().signal;

  it("gives back what the other gives, and writes what is no JSON as it is", async () => {
    const transport = recording(() => Promise.resolve(answer));
    expect(await transport(request, never)).toBe(answer);
    expect(await transport({ ...request, body: null }, never)).toBe(answer);
    const [first, second] = await records(join(home, "deep", "er"));
    expect(first?.record).toMatchObject({
      request: { body: "not json" },
      answer: { status: 200, body: "<html>" },
    });
    expect(second?.record).toMatchObject({ request: { body: null } });
  });

  it("writes faults too", async () => {
    const fault = { ok: false, error: { fault: "connection", code: "ECONNRESET" } } as const;
    expect(await recording(() => Promise.resolve(fault))(request, never)).toBe(fault);
    const [file] = await records(join(home, "deep", "er"));
    expect(file?.record["answer"]).toEqual({ fault: "connection", code: "ECONNRESET" });
  });

  it("keeps calls apart that come at the same time", async () => {
    const transport = recording(() => Promise.resolve(answer));
    await Promise.all(Array.from({ length: 10 }, () => transport(request, never)));
    expect(await records(join(home, "deep", "er"))).toHaveLength(10);
  });

  it("masks keys in whatever place: headers of any case, URL, bodies", async () => {
    const headers = {
      authorization: `Bearer ${key}`,
      "x-api-key": "other",
      "x-goog-api-key": "other",
      Authorization: "Bearer other-abc",
      "x-note": key,
    };
    const sent = {
      ...request,
      url: `https://vendor.example/?key=${key}`,
      headers,
      body: JSON.stringify({ key }),
    };
    await recording(() =>
      Promise.resolve({
        ...answer,
        value: { ...answer.value, text: JSON.stringify({ 'k"ey': `"${key}"` }) },
      }),
    )(sent, never);
    const [file] = await records(join(home, "deep", "er"));
    expect(file?.text).not.toMatch(/canary|other/);
  });

  it("never fails a call because of a file", async () => {
    const faults: unknown[] = [];
    await writeFile(join(home, "file"), "");
    const transport = recording(() => Promise.resolve(answer), faults, join(home, "file", "x"));
    expect(await transport(request, never)).toBe(answer);
    expect(faults).toMatchObject([{ code: "ENOTDIR" }]);
  });
});
