/** A body of which every byte is a chunk by itself: six bytes on the wire for one, and for who keeps the pieces hundreds in memory. */
import { readFileSync } from "node:fs";
import { goodBody } from "./answers.ts";
import { sendRaw } from "./raw-http.ts";

const head = [
  "POST /api/v1/comparison HTTP/1.1",
  "host: localhost",
  "content-type: application/json",
  "transfer-encoding: chunked",
  "connection: close",
];

/** A comparison of that many bytes, most of them blanks. @returns the answer's status line */
export async function sendOneByteChunks(origin: string, bytes: number): Promise<string> {
  const { text } = await sendRaw(origin, head, chunks(JSON.stringify(goodBody).padEnd(bytes)));
  return text.split("\r\n")[0] ?? "";
}

function* chunks(body: string): Iterable<string> {
  const atOnce = 8_192;
  for (let at = 0; at < body.length; at += atOnce)
    yield body.slice(at, at + atOnce).replaceAll(/[^]/g, "1\r\n$&\r\n");
  yield "0\r\n\r\n";
}

/** The most that a process has had in memory since its start. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
