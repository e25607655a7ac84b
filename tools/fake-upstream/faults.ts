/** From a step to what goes over the wire. */
import { signed } from "./signed.ts";
import { wordsFor } from "./judge.ts";
import type { Step } from "./script.ts";
import type { Asked, Trouble, Vendor } from "./vendor.ts";

/** One answer, ready to be performed. */
export interface Play {
  readonly delayMs: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly manner: Manner;
}

/** How the bytes leave. */
type Manner =
  | { readonly kind: "whole" | "stall" | "stallBody" | "cut" | "cutBody" }
  | { readonly kind: "drip"; readonly intervalMs: number }
  /** Blanks make the body this long. */
  | { readonly kind: "padded"; readonly bytes: number; readonly gzip: boolean };

const whole: Manner = { kind: "whole" };

/** The answer of a vendor that refuses. */
export function stageTrouble(vendor: Vendor, trouble: Trouble, id: string): Play {
  return {
    delayMs: 0,
    status: trouble.status,
    headers: { ...vendor.headers(id), ...json, ...vendor.waitHeaders(trouble.wait ?? {}) },
    body: JSON.stringify(vendor.errorBody(trouble, id)),
    manner: whole,
  };
}

/** The answer to a request that the vendor takes. @param step `null`: nothing was scripted */
export function stage(vendor: Vendor, asked: Asked, step: Step | null, id: string): Play {
  const good: Play = {
    delayMs: step?.delayMs ?? 0,
    status: 200,
    headers: { ...vendor.headers(id), ...json },
    body: JSON.stringify(goodBody(vendor, asked, step, id)),
    manner: whole,
  };
  const fails = (trouble: Trouble): Play => ({
    ...stageTrouble(vendor, trouble, id),
    delayMs: good.delayMs,
  });

  switch (step?.fault) {
    case undefined:
    case "none":
    // Drawn from when the step was taken: see `takeStep`.
    case "bucket":
    case "delay":
    case "refusal":
    case "safety":
    case "recitation":
    case "truncatedAnswer":
    case "emptyAnswer":
      return good;
    case "raw":
      return {
        ...good,
        status: step.status ?? 200,
        headers: { ...good.headers, ...step.headers },
        body: signed(
          JSON.stringify(step.body ?? null),
          asked.route === "judgement" ? asked.question.promptText : "",
        ),
      };
    case "status":
      return fails(troubleOf(step));
    case "rateLimited":
    case "creditExhausted":
    case "dailyQuotaExhausted":
    case "paymentRequired":
    case "credentialsRefused":
    case "forbidden":
    case "modelNotFound":
    case "contextTooLong":
    case "serverError":
    case "unavailable":
    case "overloaded":
      return fails({ ...vendor.troubles[step.fault], ...hintsOf(step) });
    case "errorIn200":
      return { ...good, body: JSON.stringify(errorIn200(vendor, asked, step, id)) };
    case "stall":
    case "stallBody":
    case "cut":
    case "cutBody":
      return { ...good, manner: { kind: step.fault } };
    case "drip":
      return { ...good, manner: { kind: "drip", intervalMs: step.intervalMs ?? 1 } };
    case "truncated":
      return { ...good, body: good.body.slice(0, Math.floor(good.body.length / 2)) };
    case "empty":
      return { ...good, status: step.status ?? 200, body: "" };
    case "wrongContentType":
      return { ...good, headers: { ...good.headers, "content-type": "text/plain; charset=utf-8" } };
    case "html":
      return { ...good, status: step.status ?? 200, headers: { "content-type": "text/html" }, body: page };
    case "redirect":
      return { ...good, status: 302, headers: { ...good.headers, location: step.location }, body: "" };
    case "oversized":
    case "gzipBomb":
      return { ...good, manner: { kind: "padded", bytes: step.bytes, gzip: step.fault === "gzipBomb" } };
  }
}

const json = { "content-type": "application/json" };

const page =
  "<!doctype html><html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1></body></html>";

function goodBody(vendor: Vendor, asked: Asked, step: Step | null, id: string): unknown {
  return asked.route === "judgement"
    ? vendor.envelope(asked.question, wordsFor(asked.question, step), id)
    : asked.body;
}

function errorIn200(
  vendor: Vendor,
  asked: Asked,
  step: Extract<Step, { fault: "errorIn200" }>,
  id: string,
): unknown {
  const trouble = troubleOf({ ...step, status: step.status ?? 502 });
  return step.where === "top" || asked.route !== "judgement"
    ? vendor.errorBody(trouble, id)
    : vendor.failedEnvelope(asked.question, trouble, id);
}

type ErrorHints = Partial<
  Pick<Extract<Step, { fault: "status" }>, "type" | "code" | "message" | "retryAfter" | "retryAfterMs">
>;

const troubleOf = (step: ErrorHints & { status: number }): Trouble => ({
  status: step.status,
  message: `A fault on demand: ${step.status}`,
  ...(step.type === undefined ? {} : { type: step.type }),
  ...(step.code === undefined ? {} : { code: step.code }),
  ...hintsOf(step),
});

function hintsOf({
  message,
  retryAfter,
  retryAfterMs,
}: ErrorHints): Pick<Trouble, "wait"> & { message?: string } {
  return {
    ...(message === undefined ? {} : { message }),
    wait: {
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  };
}
