/** Bytes in, bytes out. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Play } from "./faults.ts";

/** Anthropic's limit for a message; the others' are near it. */
const longestRequestBytes = 32 * 1024 * 1024;

/** The whole body as text. `null`: too long, or the client went away before it had sent all. */
export async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= longestRequestBytes) chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return bytes > longestRequestBytes ? null : Buffer.concat(chunks).toString("utf8");
}

/** Plays an answer to its end, or until the client goes away. Never rejects, and leaves no timer behind. */
export async function perform(play: Play, response: ServerResponse): Promise<void> {
  await pause(play.delayMs, response);
  if (response.closed) return;
  const body = Buffer.from(play.body);
  const half = body.subarray(0, Math.ceil(body.length / 2));
  const begin = (headers: Record<string, string | number>) =>
    response.writeHead(play.status, { ...play.headers, ...headers });

  switch (play.manner.kind) {
    case "whole":
      begin({ "content-length": body.length }).end(body);
      return;
    case "stall":
      return;
    case "stallBody":
      begin({ "content-length": body.length }).write(half);
      return;
    case "cut":
      response.destroy();
      return;
    case "cutBody":
      // The half is in the kernel's hands before the connection ends: the client gets it.
      begin({ "content-length": body.length }).write(half, () => response.destroy());
      return;
    case "drip":
      begin({ "content-length": body.length });
      drip(body, play.manner.intervalMs, response);
      return;
    case "padded": {
      const source = Readable.from(padded(play.body, play.manner.bytes));
      begin(play.manner.gzip ? { "content-encoding": "gzip" } : {});
      const sent = play.manner.gzip
        ? pipeline(source, createGzip({ level: 1 }), response)
        : pipeline(source, response);
      // The client is meant to break it off.
      await sent.catch(() => undefined);
    }
  }
}

/** Ends early when the client goes away. */
async function pause(delayMs: number, response: ServerResponse): Promise<void> {
  if (delayMs === 0 || response.closed) return;
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), delayMs);
  await once(response, "close", { signal: ended.signal }).catch(() => undefined);
  clearTimeout(timer);
}

function drip(body: Buffer, intervalMs: number, response: ServerResponse): void {
  let next = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(next, next + 1));
    next++;
    if (next < body.length) return;
    clearInterval(timer);
    response.end();
  }, intervalMs);
  response.once("close", () => clearInterval(timer));
}

/** The same JSON with blanks before its last brace: who reads all of it gets a good answer, so only a limit tells. */
function* padded(json: string, bytes: number): Generator<Buffer> {
  yield Buffer.from(json.slice(0, -1));
  const blanks = Buffer.alloc(64 * 1024, " ");
  for (let left = bytes - Buffer.byteLength(json); left > 0; left -= blanks.length) {
    yield left < blanks.length ? blanks.subarray(0, left) : blanks;
  }
  yield Buffer.from(json.slice(-1));
}
