/**
 * Writes every call to a vendor into a file of its own, to be read by a developer. The files hold prompts and essays, so the settings
 * allow it in development alone; keys are masked all the same.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Transport } from "../../providers/transport.ts";

export interface RecorderParts {
  readonly directory: string;
  readonly nowMs: () => number;
  /** Takes our keys out of text. */
  readonly mask: (text: string) => string;
  /** Told of a file that could not be written; the call goes on. */
  readonly onFault: (error: unknown) => void;
}

/** The same transport, with a file for each call in `directory`, named after its time and the vendor's host. */
export function recordingTransport(transport: Transport, parts: RecorderParts): Transport {
  let calls = 0;
  return async (request, signal) => {
    const startedAtMs = parts.nowMs();
    const number = ++calls;
    const sent = await transport(request, signal);
    const { hostname } = new URL(request.url);
    const time = new Date(startedAtMs).toISOString();
    const record = {
      time,
      duration_ms: parts.nowMs() - startedAtMs,
      request: {
        method: request.method,
        url: request.url,
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [
            name,
            secretHeaders.has(name) ? "[masked]" : value,
          ]),
        ),
        body: readable(request.body),
      },
      answer: sent.ok ? { status: sent.value.status, body: readable(sent.value.text) } : sent.error,
    };
    const name = `${time.replaceAll(":", "-")}-${String(number).padStart(4, "0")}-${hostname}.json`;
    const text = parts.mask(JSON.stringify(record, null, 2));
    await write(join(parts.directory, name), text, parts);
    return sent;
  };
}

const secretHeaders: ReadonlySet<string> = new Set(["authorization", "x-api-key", "x-goog-api-key"]);

function readable(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

async function write(path: string, text: string, { directory, onFault }: RecorderParts): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(path, `${text}\n`, { mode: 0o600 });
  } catch (error) {
    onFault(error);
  }
}
