/** Workers under the routes. */
import type { Context } from "hono";
import { err, ok, type Result } from "../domain/result.ts";
import type { BodyFault, Platform } from "../http/platform.ts";
import { socketAtTicket } from "./stubs/live.ts";
import { bytesWithin } from "./bytes-within.ts";

export const workersPlatform: Platform = {
  name: "cloudflare",
  readBody: (c, maxBytes, mayRead) => readBody(c.req.raw, maxBytes, mayRead),
  onHangUp(c, then) {
    const { signal } = c.req.raw;
    if (signal.aborted) then();
    signal.addEventListener("abort", then);
    return () => signal.removeEventListener("abort", then);
  },
  sockets: { kind: "at_ticket", hand: socketAtTicket },
  finishLater: (c: Context, work) => c.executionCtx.waitUntil(work),
};

async function readBody(
  request: Request,
  maxBytes: number,
  mayRead: (bytes: number) => boolean = () => true,
): Promise<Result<string, BodyFault>> {
  if (!request.body) return ok("");
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > maxBytes) return err("too_large");
  let bytes: ArrayBuffer | Uint8Array | BodyFault;
  try {
    // The runtime holds a body to its declared length. Reading it in one piece costs a third of reading it as a stream.
    bytes =
      length === null ? await bytesWithin(maxBytes, request.body, mayRead) : await request.arrayBuffer();
  } catch {
    return err("hung_up");
  }
  if (typeof bytes === "string") return err(bytes);
  try {
    return ok(utf8.decode(bytes));
  } catch {
    return err("not_utf8");
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
