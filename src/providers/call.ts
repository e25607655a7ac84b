/** One call to a vendor: sent, once, as its dialect builds it. What comes back is read in `reply.ts`. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import type { Dialect } from "./dialect.ts";
import { failureOfAbort } from "./failures.ts";
import { replyIn, replyWithout } from "./reply.ts";
import { failureFromBetween } from "./speaker.ts";
import type { Transport, TransportFault } from "./transport.ts";

/** Where a vendor is, and our key to it. */
export interface Vendor {
  readonly apiKey: string;
  /** Without the part of the path that the dialect appends. */
  readonly baseUrl: string;
}

/** What a provider is given by the platform. */
export interface VendorParts {
  readonly transport: Transport;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
}

/** Headers of every call. A compressed answer would cost more to unpack than it saves. */
export const jsonHeaders = {
  accept: "application/json",
  "accept-encoding": "identity",
  "content-type": "application/json",
  "user-agent": "llm-provider-service",
};

/** A judgement is a few hundred bytes; the largest envelopes (signed reasoning beside it) are some tens of thousands. */
const maxAnswerBytes = 1_048_576;

/** @returns what makes a provider of a vendor that speaks this dialect */
export function providerSpeaking<Envelope, Problem>(
  dialect: Dialect<Envelope, Problem>,
): (vendor: Vendor, parts: VendorParts) => Provider {
  return ({ apiKey, baseUrl }, { transport, nowMs }) => {
    const headers = { ...jsonHeaders, ...dialect.headers(apiKey) };
    const bodyOf = (request: Omit<JudgeRequest, "attempt">) => JSON.stringify(dialect.bodyOf(request));
    return {
      ...catalogued(dialect.name),
      // No `async`: it would hold the request, which is as large as both essays, for as long as the judge thinks.
      judge(request, signal) {
        const { model } = request;
        const url = baseUrl + dialect.path(model);
        const body = bodyOf(request);
        return transport({ method: "POST", url, headers, body, maxAnswerBytes }, signal).then((sent) =>
          sent.ok
            ? replyIn(dialect, sent.value, model, nowMs())
            : replyWithout(failureOfFault(sent.error, signal), null),
        );
      },
      outgoing: (request) => ({
        path: dialect.path(request.model),
        headers: { ...jsonHeaders, ...keyless(dialect) },
        body: bodyOf(request),
      }),
    };
  };
}

/** The headers that are the same whatever the key is. */
function keyless({ headers }: Pick<Dialect<never, never>, "headers">): Readonly<Record<string, string>> {
  const others = headers("another");
  return Object.fromEntries(Object.entries(headers("one")).filter(([name, value]) => others[name] === value));
}

/** What the catalogue answers for a provider. */
export function catalogued(name: ProviderName): Pick<Provider, "name" | "plan" | "cost"> {
  return {
    name,
    plan: (model, parameters) => planFor(findModel(name, model), parameters),
    cost: (model, usage, nowMs) => costOf(findModel(name, model), usage, nowMs),
  };
}

function failureOfFault(fault: TransportFault, signal: AbortSignal): Failure {
  switch (fault.fault) {
    case "connection":
      return { reason: "connection", code: fault.code };
    case "aborted":
      return failureOfAbort(signal);
    case "too_large":
      // No judgement is so long: a page, or a proxy that answers with a file.
      return failureFromBetween(fault.status, null);
  }
}
