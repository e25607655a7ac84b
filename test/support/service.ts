/** The whole service in memory: settings as an operator gives them, a scripted vendor, a clock that a test moves. */
import { createHash } from "node:crypto";
import type { Hono } from "hono";
import { describeMistakes, parseConfig } from "../../src/config.ts";
import { createLog } from "../../src/http/log.ts";
import type { Platform } from "../../src/http/platform.ts";
import { createService } from "../../src/service.ts";
import { err, ok } from "../../src/domain/result.ts";
import { manualClock } from "./clock.ts";
import { disagreement } from "./openapi-check.ts";
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

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed. */
  readonly body: Record<string, unknown>;
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
  const app = createService(parsed.value, {
    platform: { ...webPlatform, ...platform },
    transport: vendor.transport,
    clock,
    newId: () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`,
    random,
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    log: createLog(parsed.value.logLevel, (line) => lines.push(line), clock.nowMs),
  });

  async function request(path: string, init: RequestInit = {}): Promise<Answered> {
    const method = init.method ?? "GET";
    return checked(method, path, await app.request(path, init));
  }

  return {
    app: app as unknown as Hono,
    clock,
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

export const goodBody = {
  user_prompt: "Which essay argues better?",
  essay_a: "Cats sleep because they hunt.",
  essay_b: "Dogs bark.",
};

/** @param body becomes JSON unless it is text already */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...(init.headers as Record<string, string> | undefined) },
  };
}

/** What holds for every answer, whatever was asked. @throws {Error} that says what does not */
export async function checked(method: string, path: string, response: Response): Promise<Answered> {
  const { status, headers } = response;
  const text = await response.text();
  const type = headers.get("content-type") ?? "";
  const answered: Answered = {
    status,
    headers,
    text,
    body: type.startsWith("application/json") && text !== "" ? JSON.parse(text) : {},
  };
  const faults = [
    headers.get("cache-control") === "no-store" ? null : "Cache-Control is not no-store",
    headers.get("x-content-type-options") === "nosniff" ? null : "nosniff is missing",
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(headers.get("x-correlation-id") ?? "")
      ? null
      : "X-Correlation-ID is no UUID",
    "correlation_id" in answered.body && answered.body["correlation_id"] !== headers.get("x-correlation-id")
      ? "the correlation id differs between body and header"
      : null,
    String(answered.body["retry_after"] ?? null) === String(headers.get("retry-after"))
      ? null
      : "retry_after differs between body and header",
    status < 400 || method === "HEAD" || "error_type" in answered.body ? null : "an error without its type",
    method === "HEAD" ? null : disagreement(method, path, status, type, text),
  ].filter((fault) => fault !== null);
  if (faults.length > 0) throw new Error(`${method} ${path} ${status}: ${faults.join("; ")}\n${text}`);
  return answered;
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
