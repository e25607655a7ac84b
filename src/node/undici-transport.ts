/** Bytes to the vendors and back on Node. undici's dispatcher costs about a third of `fetch` here, which would otherwise be most of a request. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { type Dispatcher, Pool } from "undici";
import { err, ok, type Result } from "../domain/result.ts";
import type { Transport, TransportFault, UpstreamAnswer } from "../providers/transport.ts";

export interface UndiciTransportOptions {
  /**
   * The most connections to one vendor; 512 where left out. A call holds one for as long as the judge thinks, so this is also how many run at
   * once; more wait, within their deadline. Without a bound a slow vendor would take every file descriptor.
   */
  readonly connectionsPerOrigin?: number;
}

/**
 * A transport over kept-alive HTTP/1.1 connections. Only the signal ends a call that has a connection: undici's own time limits are off. A
 * connection has 10 s to come about.
 *
 * @returns `close` waits for the calls under way, then closes all connections
 */
export function undiciTransport({ connectionsPerOrigin = 512 }: UndiciTransportOptions = {}): {
  readonly transport: Transport;
  close(): Promise<void>;
} {
  const pools = new Map<string, Pool>();

  function poolOf(origin: string): Pool {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: connectionsPerOrigin,
        // Aborting a call over HTTP/1.1 closes its connection, so the vendor notices at once; and nothing shares its fate.
        allowH2: false,
        connectTimeout: 10_000,
        headersTimeout: 0,
        bodyTimeout: 0,
        // Idle this long where the server gives no hint of its own. The vendors' front doors keep them for minutes; a new one costs a TLS handshake.
        keepAliveTimeout: 30_000,
      });
      pools.set(origin, pool);
    }
    return pool;
  }

  return {
    transport: ({ method, url, headers, body, maxAnswerBytes }, signal) => {
      if (signal.aborted) return Promise.resolve(aborted);
      // Past `https://`, or past the first letter of the host behind `http://`.
      const pathAt = url.indexOf("/", 8);
      const origin = pathAt === -1 ? url : url.slice(0, pathAt);
      const path = pathAt === -1 ? "/" : url.slice(pathAt);
      return new Promise((resolve) => {
        const exchange = exchangeOver(maxAnswerBytes, signal, resolve);
        poolOf(origin).dispatch({ method, path, headers, body }, exchange);
      });
    },
    close: async () => {
      await Promise.all(Array.from(pools.values(), (pool) => pool.close()));
    },
  };
}

type Outcome = Result<UpstreamAnswer, TransportFault>;

const aborted: Outcome = err({ fault: "aborted" });
const tooLarge = (status: number): Outcome => err({ fault: "too_large", status });

/** What undici tells while one request runs, until one outcome is known. */
function exchangeOver(
  maxBytes: number,
  signal: AbortSignal,
  resolve: (outcome: Outcome) => void,
): Dispatcher.DispatchHandler {
  let controller: Dispatcher.DispatchController | null = null;
  let status = 0;
  let headers: Headers = {};
  let sizeBytes = 0;
  const chunks: Buffer[] = [];

  /** The first outcome counts. Signals can outlive many calls, so the listener must go. */
  function settle(outcome: Outcome): void {
    signal.removeEventListener("abort", onAbort);
    resolve(outcome);
  }
  function end(outcome: Outcome): void {
    settle(outcome);
    controller?.abort(new Error("Ended by the transport"));
  }
  function onAbort(): void {
    end(aborted);
  }
  signal.addEventListener("abort", onAbort);

  return {
    onRequestStart(started) {
      controller = started;
      // It waited for a connection meanwhile. This keeps it from being sent.
      if (signal.aborted) end(aborted);
    },
    onResponseStart(_, answered, received) {
      // Also told of 103 and the like, which come before the answer: the last counts.
      status = answered;
      headers = received;
      if (Number(received["content-length"]) > maxBytes) end(tooLarge(status));
    },
    onResponseData(_, chunk) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) end(tooLarge(status));
      else chunks.push(chunk);
    },
    onResponseEnd() {
      const [first] = chunks;
      const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
      const encoding = valueOf(headers, "content-encoding") ?? "identity";
      if (encoding === "identity") settle(answer(status, headers, bytes));
      else
        void decode(encoding, bytes, maxBytes).then((decoded) =>
          settle(
            decoded === null
              ? tooLarge(status)
              : decoded.ok
                ? answer(status, headers, decoded.value)
                : decoded,
          ),
        );
    },
    onResponseError(_, error) {
      settle(err({ fault: "connection", code: codeOf(error) }));
    },
  };
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const utf8 = new TextDecoder();

function answer(status: number, headers: Headers, bytes: Buffer): Outcome {
  return ok({ status, header: (name) => valueOf(headers, name), text: utf8.decode(bytes) });
}

function valueOf(headers: Headers, name: string): string | null {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(", ") : value) ?? null;
}

const decoders = new Map([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["br", promisify(brotliDecompress)],
  ["deflate", promisify(inflate)],
]);

/** We ask for no compression. Who compresses all the same must not fill the memory with it: `null` where it is longer than that, unpacked. */
async function decode(
  encoding: string,
  bytes: Buffer,
  maxOutputLength: number,
): Promise<Result<Buffer, TransportFault> | null> {
  const decoder = decoders.get(encoding.toLowerCase());
  if (decoder === undefined) return err({ fault: "connection", code: "UNKNOWN_CONTENT_ENCODING" });
  try {
    return ok(await decoder(bytes, { maxOutputLength }));
  } catch (error) {
    const code = codeOf(error);
    return code === "ERR_BUFFER_TOO_LARGE" ? null : err({ fault: "connection", code });
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "UNKNOWN";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
