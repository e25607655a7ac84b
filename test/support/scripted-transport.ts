/** A vendor in memory, which speaks OpenAI's Responses API and answers as a test tells it. */
import { err, ok } from "../../src/domain/result.ts";
import type { Transport, TransportFault, UpstreamRequest } from "../../src/providers/transport.ts";
import { signed } from "../../tools/fake-upstream/signed.ts";

/** How one call is answered. */
export type Step =
  | {
      readonly status?: number;
      /** Lower-case names. */
      readonly headers?: Readonly<Record<string, string>>;
      /** `%boundary%` in it becomes the one that the request asks for. */
      readonly text: string;
      /** Before the answer comes. */
      readonly delayMs?: number;
    }
  | { readonly fault: TransportFault }
  /** Nothing comes until the signal aborts. */
  | "stall"
  | { readonly throws: unknown };

export type Script = readonly Step[] | ((call: UpstreamRequest, index: number) => Step);

export interface ScriptedVendor {
  readonly transport: Transport;
  /** Every call made so far, oldest first. */
  readonly calls: readonly UpstreamRequest[];
  readonly signals: readonly AbortSignal[];
}

/**
 * @param steps one for each call, in order, and a good judgement for every call after them; or what says it for each, counted from 0
 * @param after the clock's
 */
export function scriptedVendor(
  steps: Script,
  after: (delayMs: number, then: () => void) => () => void,
): ScriptedVendor {
  const calls: UpstreamRequest[] = [];
  const signals: AbortSignal[] = [];
  return {
    calls,
    signals,
    transport(request, signal) {
      if (signal.aborted) return Promise.resolve(err({ fault: "aborted" }));
      const index = calls.length;
      const step = (typeof steps === "function" ? steps(request, index) : steps[index]) ?? verdict();
      calls.push(request);
      signals.push(signal);
      if (step === "stall") return stalled(signal);
      if ("throws" in step) return Promise.reject(step.throws);
      if ("fault" in step) return Promise.resolve(err(step.fault));
      const { status = 200, headers = {}, delayMs = 0 } = step;
      const text = signed(step.text, request.body ?? "");
      const answer = ok({ status, header: (name: string) => headers[name] ?? null, text });
      if (delayMs === 0) return Promise.resolve(answer);
      return new Promise((resolve) => {
        const cancel = after(delayMs, () => resolve(answer));
        signal.addEventListener("abort", () => {
          cancel();
          resolve(err({ fault: "aborted" }));
        });
      });
    },
  };
}

function stalled(signal: AbortSignal): ReturnType<Transport> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(err({ fault: "aborted" })));
  });
}

export const justification =
  "Essay A supports each of its claims with evidence and keeps to one line of argument.";

/** A good judgement in the vendor's envelope. @param changes of the envelope */
export function verdict(changes: object = {}): Step {
  const words = { boundary: "%boundary%", justification, winner: "Essay A", confidence: 4.2 };
  return said(JSON.stringify(words), changes);
}

/** Any words of the judge, in the vendor's envelope. */
export function said(text: string, changes: object = {}): Step {
  return {
    text: JSON.stringify({
      id: "resp_1",
      object: "response",
      status: "completed",
      error: null,
      model: "gpt-6-luna-2026-09-22",
      output: [
        {
          type: "message",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text, annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 1200,
        input_tokens_details: { cached_tokens: 1024, cache_write_tokens: 0 },
        output_tokens: 180,
        output_tokens_details: { reasoning_tokens: 128 },
        total_tokens: 1380,
      },
      ...changes,
    }),
  };
}

/** The same answer, later. */
export function slow(step: Step, delayMs: number): Step {
  return { ...(step as { readonly text: string }), delayMs };
}

/** An HTTP error as the vendor words it. */
export function refused(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  error: object = {},
): Step {
  const text = JSON.stringify({ error: { message: "vendor's words", type: "error", code: null, ...error } });
  return { status, headers, text };
}
