/** One request over undici, from its start to one outcome. */
import type { Dispatcher } from "undici";
import { err, ok, type Result } from "../../domain/result.ts";
import { gathered } from "../../providers/gathered.ts";
import type { TransportFault, UpstreamAnswer } from "../../providers/transport.ts";
import { unpacked } from "./unpacked.ts";

type Outcome = Result<UpstreamAnswer, TransportFault>;

export const aborted: Outcome = err({ fault: "aborted" });
const tooLarge = (status: number): Outcome => err({ fault: "too_large", status });
const broken = (code: string): Outcome => err({ fault: "connection", code });

/**
 * What undici tells while one request runs.
 *
 * @param resolve is told the outcome, once
 */
export function exchangeOver(
  maxBytes: number,
  signal: AbortSignal,
  resolve: (callReport: Outcome) => void,
): Dispatcher.DispatchHandler {
  let controller: Dispatcher.DispatchController | null = null;
  let status = 0;
  let headers: Headers = {};
  const body = gathered(maxBytes);

  /** The first outcome counts. Signals can outlive many calls, so the listener must go. */
  function settle(callReport: Outcome): void {
    signal.removeEventListener("abort", onAbort);
    resolve(callReport);
  }
  function end(callReport: Outcome): void {
    settle(callReport);
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
      status = answered;
      headers = received;
      if (Number(received["content-length"]) > maxBytes) end(tooLarge(status));
    },
    onResponseData(_, chunk) {
      if (!body.add(chunk)) end(tooLarge(status));
    },
    onResponseEnd() {
      const plain = unpacked(valueOf(headers, "content-encoding"), body.bytes(), maxBytes);
      if (plain instanceof Uint8Array) settle(answer(status, headers, plain));
      else void plain.then((bytes) => settle(answerOf(status, headers, bytes)));
    },
    onResponseError(_, error) {
      settle(broken(codeOf(error)));
    },
  };
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "UNKNOWN";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

const utf8 = new TextDecoder();

function answer(status: number, headers: Headers, bytes: Uint8Array): Outcome {
  return ok({ status, header: (name) => valueOf(headers, name), text: utf8.decode(bytes) });
}

function answerOf(status: number, headers: Headers, bytes: Result<Uint8Array, string>): Outcome {
  if (bytes.ok) return answer(status, headers, bytes.value);
  return bytes.error === "too_large" ? tooLarge(status) : broken(bytes.error);
}

function valueOf(headers: Headers, name: string): string | null {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(", ") : value) ?? null;
}
