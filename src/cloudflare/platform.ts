/** Workers under the routes. */
import type { Context } from "hono";
import { err, ok, type Result } from "../domain/result.ts";
import type { BodyFault, Platform } from "../http/platform.ts";
import { isLoopback } from "../setting-rules.ts";

export const workersPlatform: Platform = {
  name: "cloudflare",
  readBody: (c, maxBytes) => readBody(c.req.raw, maxBytes),
  onHangUp(c, then) {
    const { signal } = c.req.raw;
    signal.addEventListener("abort", then);
    return () => signal.removeEventListener("abort", then);
  },
  isLoopback: (c) => isLoopback(new URL(c.req.url).hostname),
  finishLater: (c: Context, work) => c.executionCtx.waitUntil(work),
};

async function readBody(request: Request, maxBytes: number): Promise<Result<string, BodyFault>> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return err("too_large");
  if (!request.body) return ok("");
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the stream: the rest is never held.
      if (bytes > maxBytes) return err("too_large");
      chunks.push(chunk);
    }
  } catch {
    return err("hung_up");
  }
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return ok(chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode());
  } catch {
    return err("not_utf8");
  }
}
