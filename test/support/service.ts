/** The whole service in memory: settings as an operator gives them, a scripted vendor, a clock that a test moves. */
import { createHash } from "node:crypto";
import type { Hono } from "hono";
import { describeMistakes, parseConfig } from "../../src/config.ts";
import { createLog } from "../../src/http/log.ts";
import type { Platform } from "../../src/http/platform.ts";
import { createService } from "../../src/service.ts";
import { err, ok } from "../../src/domain/result.ts";
import { manualClock } from "./clock.ts";
import { checked, goodBody, post, type Answered } from "./answers.ts";
import { memoryDurable } from "./memory-durable.ts";
import { scriptedVendor, type Step } from "./scripted-transport.ts";

export const openaiKey = "sk-canary-openai-0123456789";

export interface ServiceOptions {
  /** Beside a key for OpenAI and `LOG_LEVEL=debug`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
  /** 0.5 unless told. */
  readonly random?: () => number;
  readonly platform?: Partial<Platform>;
}

/** A service of its own for one test. Every answer to `request` is held against the OpenAPI document. */
export function testService({
  env = {},
  steps = [],
  random = () => 0.5,
  platform = {},
}: ServiceOptions = {}) {
  const parsed = parseConfig({ OPENAI_API_KEY: openaiKey, LOG_LEVEL: "debug", ...env }, "node");
  if (!parsed.ok) throw new Error(describeMistakes(parsed.error));
  const clock = manualClock();
  const vendor = scriptedVendor(steps, clock.after);
  const lines: string[] = [];
  let ids = 0;
  const durable = memoryDurable(clock, random, parsed.value);
  const { app, gateway } = createService(parsed.value, {
    durable,
    platform: { ...webPlatform, ...platform },
    transport: vendor.transport,
    clock,
    newId: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
    random,
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    log: createLog(parsed.value.logLevel, (line) => lines.push(line), clock.nowMs),
  });

  durable.workWith(gateway.work);

  async function request(path: string, init: RequestInit = {}): Promise<Answered> {
    const method = init.method ?? "GET";
    return checked(method, path, await app.request(path, init));
  }

  return {
    app: app as unknown as Hono,
    clock,
    durable,
    vendor,
    request,
    /** Asks for a comparison. @param changes of `goodBody`; `undefined` takes a field out */
    compare: (changes: object = {}, init: RequestInit = {}) =>
      request("/api/v1/comparison", post({ ...goodBody, ...changes }, init)),
    /** Parsed lines of the log, of one event where it is named. */
    logged: (event?: string) =>
      lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => event === undefined || line["event"] === event),
    /** The log as it was written. */
    written: () => lines.join("\n"),
  };
}

const webPlatform: Platform = {
  name: "node",
  async readBody(c, maxBytes) {
    const bytes = new Uint8Array(await c.req.raw.arrayBuffer());
    if (bytes.byteLength > maxBytes) return err("too_large");
    try {
      return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      return err("not_utf8");
    }
  },
  onHangUp(c, then) {
    const { signal } = c.req.raw;
    signal.addEventListener("abort", then);
    return () => signal.removeEventListener("abort", then);
  },
  isLoopback: () => true,
  finishLater: (_c, work) => void work.catch(() => {}),
};
