import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import * as anthropic from "@anthropic-ai/sdk";
import * as openai from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { samples, send } from "../../tools/fake-upstream/samples.ts";
import { type Step, vendorNames } from "../../tools/fake-upstream/script.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

let laneCount = 0;
async function laneWith(...steps: Step[]): Promise<Lane> {
  const lane = upstream.lane(`lane ${laneCount++}`);
  await lane.script(steps);
  return lane;
}

const sdk = { apiKey: "good", maxRetries: 0, logLevel: "off" } as const;
const askOpenai = (lane: Lane, signal?: AbortSignal) =>
  new openai.OpenAI({ ...sdk, baseURL: lane.baseUrls.openai }).responses.create(
    samples.openai.body as unknown as openai.OpenAI.Responses.ResponseCreateParamsNonStreaming,
    { signal: signal ?? null },
  );
const askAnthropic = (lane: Lane, signal?: AbortSignal) =>
  new anthropic.Anthropic({ ...sdk, baseURL: lane.baseUrls.anthropic }).messages.create(
    samples.anthropic.body as unknown as anthropic.Anthropic.MessageCreateParamsNonStreaming,
    { signal: signal ?? null },
  );

it("stalls before the headers until the client goes away", async () => {
  const lane = await laneWith({ fault: "stall" });
  const leaving = new AbortController();
  const call = askOpenai(lane, leaving.signal).catch((error: unknown) => error);
  await lane.waitForRequest();
  expect(await lane.requests()).toMatchObject([{ aborted: false, endedAtMs: null }]);
  leaving.abort();
  expect(await call).toBeInstanceOf(openai.APIUserAbortError);
  expect(await lane.waitForAbort()).toMatchObject([
    { outcome: "stall", status: null, aborted: true, endedAtMs: expect.any(Number) },
  ]);
});

it("stalls in mid-body until the client goes away", async () => {
  const lane = await laneWith({ fault: "stallBody" });
  const leaving = new AbortController();
  const response = await send(lane, "openai", { signal: leaving.signal });
  const total = Number(response.headers.get("content-length"));
  const body = response.body?.getReader();
  expect((await body?.read())?.value?.length).toBe(Math.ceil(total / 2));
  leaving.abort();
  expect(await lane.waitForAbort()).toMatchObject([{ outcome: "stallBody", status: 200, aborted: true }]);
});

it("a client that leaves during a delay gets nothing", async () => {
  const lane = await laneWith({ fault: "delay", delayMs: 60_000 });
  const leaving = new AbortController();
  const call = askAnthropic(lane, leaving.signal).catch((error: unknown) => error);
  await lane.waitForRequest();
  leaving.abort();
  expect(await call).toBeInstanceOf(anthropic.APIUserAbortError);
  expect(await lane.waitForAbort()).toMatchObject([{ outcome: "delay", status: null, aborted: true }]);
});

it("delays an answer for as long as it was told", async () => {
  const lane = await laneWith({ delayMs: 30 });
  const beganMs = performance.now();
  expect((await send(lane, "google")).status).toBe(200);
  // The time is what is promised, and a load can't make it shorter. Timers may be early by part of a millisecond.
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(29);
});

it("drips one byte at a time", async () => {
  const lane = await laneWith({ fault: "drip", intervalMs: 5 }, { fault: "drip", text: "x", usage: null });
  const leaving = new AbortController();
  const body = (await send(lane, "openrouter", { signal: leaving.signal })).body?.getReader();
  const sizes = [(await body?.read())?.value?.length, (await body?.read())?.value?.length];
  expect(Math.max(...sizes.map((size) => size ?? Infinity))).toBeLessThan(10);
  leaving.abort();
  await lane.waitForAbort();
  // To its end it is a good answer.
  expect(await (await send(lane, "google")).json()).toMatchObject({ candidates: [{ finishReason: "STOP" }] });
});

it("cuts the connection before the headers", async () => {
  const lane = await laneWith({ fault: "cut", times: 2 });
  await expect(askOpenai(lane)).rejects.toThrow(openai.APIConnectionError);
  await expect(askAnthropic(lane)).rejects.toThrow(anthropic.APIConnectionError);
  expect(await lane.requests()).toMatchObject([
    { outcome: "cut", status: null, aborted: false },
    { outcome: "cut", status: null, aborted: false },
  ]);
});

it("cuts the connection in mid-body, after half of what it had promised", async () => {
  const lane = await laneWith({ fault: "cutBody" });
  const response = await send(lane, "anthropic");
  const body = response.body?.getReader();
  const first = await body?.read();
  expect(first?.value?.length).toBe(Math.ceil(Number(response.headers.get("content-length")) / 2));
  await expect(body?.read()).rejects.toThrow("terminated");
  expect(await lane.requests()).toMatchObject([{ outcome: "cutBody", status: 200, aborted: false }]);
});

it.each(vendorNames)("%s sends what is no answer, in a 200", async (vendor) => {
  const lane = await laneWith(
    { fault: "truncated" },
    { fault: "empty" },
    { fault: "html" },
    { fault: "wrongContentType" },
    { fault: "raw", body: [1] },
  );
  const answers = [];
  for (let call = 0; call < 5; call++) {
    const response = await send(lane, vendor);
    const text = await response.text();
    expect([response.status, response.headers.get("content-length")]).toEqual([
      200,
      String(Buffer.byteLength(text)),
    ]);
    answers.push({ type: response.headers.get("content-type"), text });
  }
  const [truncated, empty, html, wrongContentType, raw] = answers;
  expect(() => JSON.parse(truncated?.text ?? "") as unknown).toThrow(SyntaxError);
  expect(truncated?.text).toMatch(/^\{/);
  expect(empty?.text).toBe("");
  expect(html).toMatchObject({ type: "text/html", text: expect.stringContaining("<h1>") });
  expect(wrongContentType).toMatchObject({ type: "text/plain; charset=utf-8" });
  expect(JSON.parse(wrongContentType?.text ?? "")).toBeTypeOf("object");
  expect(raw?.text).toBe("[1]");
});

it("sends a web page with a 502", async () => {
  const lane = await laneWith({ fault: "html", status: 502, times: 2 });
  await expect(askOpenai(lane)).rejects.toThrow(openai.InternalServerError);
  await expect(askAnthropic(lane)).rejects.toThrow(anthropic.InternalServerError);
});

it("redirects to where it is told", async () => {
  const lane = await laneWith({ fault: "redirect", location: "http://169.254.169.254/" });
  const response = await send(lane, "google");
  expect([response.status, response.headers.get("location")]).toEqual([302, "http://169.254.169.254/"]);
});

it("a bucket answers who finds a token, and tells the others truly when the next comes", async () => {
  const lane = await laneWith({ fault: "bucket", everyMs: 60_000, burst: 2, times: "forever" });
  const answers = [];
  for (let call = 0; call < 3; call++) answers.push(await send(lane, "openai"));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(Number(answers[2]?.headers.get("retry-after"))).toSatisfy((told) => told > 1 && told <= 60);
  expect((await lane.requests()).map(({ outcome }) => outcome)).toEqual([
    "answered",
    "answered",
    "rateLimited",
  ]);

  await lane.rescript([{ fault: "bucket", everyMs: 20, times: "forever" }]);
  expect((await send(lane, "openai")).status).toBe(200);
  // The bucket is another process', and goes by the real clock.
  await new Promise((resolve) => setTimeout(resolve, 25));
  expect((await send(lane, "openai")).status).toBe(200);
});

it("an oversized answer has just the size that was asked for and is a good one: only a limit tells", async () => {
  const bytes = 200_000;
  const lane = await laneWith({ fault: "oversized", bytes }, { fault: "gzipBomb", bytes });
  const [large, bomb] = [await send(lane, "openai"), await send(lane, "openai")];
  expect([large.headers.get("content-length"), bomb.headers.get("content-encoding")]).toEqual([null, "gzip"]);
  for (const text of [await large.text(), await bomb.text()]) {
    expect(Buffer.byteLength(text)).toBe(bytes);
    expect(JSON.parse(text)).toMatchObject({ status: "completed" });
  }
});

it("a gzip bomb is a hundred times smaller on the wire", async () => {
  const lane = await laneWith({ fault: "gzipBomb", bytes: 1_000_000, on: "endpoints" });
  const request = get(`${lane.baseUrls.openrouter}/models/some/model/endpoints`);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let wireBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) wireBytes += chunk.length;
  expect(wireBytes).toBeLessThan(10_000);
});

it("stops sending when the client has had enough", async () => {
  const lane = await laneWith({ fault: "oversized", bytes: 1_000_000_000 });
  const response = await send(lane, "google");
  await response.body?.cancel();
  expect(await lane.waitForAbort()).toMatchObject([{ outcome: "oversized", status: 200, aborted: true }]);
});
