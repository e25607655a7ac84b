/** `POST /api/v1/comparison`: a judgement now (200), or a ticket (202). */
import type { Accounts } from "../accounts/accounts.ts";
import { heldBytes, mostHeldBytes } from "../domain/live.ts";
import type { ProcessingMode, ProviderName } from "../domain/judging/comparison.ts";
import type { Callback } from "../domain/ticket/ticket.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { LiveRoom } from "../gateway/live-room.ts";
import type { createKeyedSubmit } from "../gateway/idempotency.ts";
import type { Clock, Sha256 } from "../gateway/ports.ts";
import type { Asked } from "../gateway/resolve.ts";
import type { Caller, Submitted } from "../gateway/submission.ts";
import { prefixOf, type CallbackPrefix } from "../push/callback.ts";
import type { Config } from "../settings/config.ts";
import type { Tell } from "../telemetry/events.ts";
import { version } from "../version.ts";
import { idempotencyKey, type ComparisonRequest, type TicketAnswer } from "../wire/schemas.ts";
import { jsonAnswer, jsonType, textAnswer } from "./answer.ts";
import { comparedAs, crowdedOut, notRead } from "./compared.ts";
import { askedOf, readComparison, type GoodComparison } from "./comparison-request.ts";
import { crowded, problemOfRefusal } from "./errors.ts";
import { contextOf, type ContextParts } from "./gate-views.ts";
import { judgementJson } from "./judgement.ts";
import { keyedRequest, keyOf } from "./keyed-request.ts";
import { unaskedBytes, type Platform } from "./platform.ts";
import { badIdempotencyKey, notValid, type Issue } from "./problems.ts";
import {
  refuse,
  tracedAs,
  whom,
  type Compared,
  type Guard,
  type RouteContext,
  type Routes,
} from "./route-context.ts";
import { ticketBody } from "./ticket-answers.ts";

export interface ComparisonParts extends ContextParts {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly submitKeyed: ReturnType<typeof createKeyedSubmit>;
  readonly accounts: Accounts;
  readonly defaultModels: Readonly<Record<ProviderName, string>>;
  readonly platform: Platform;
  /** Room for the bodies of all comparisons. */
  readonly door: LiveRoom;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly tell: Tell;
  /** Takes our keys out of a vendor's words. */
  readonly mask: (text: string) => string;
}

export function comparisonRoutes(app: Routes, guard: Guard, parts: ComparisonParts): void {
  app.post("/api/v1/comparison", guard, (c) => compare(c, parts));
}

async function compare(c: RouteContext, parts: ComparisonParts): Promise<Response> {
  return atTheDoor(
    c,
    parts,
    (compared) => c.set("comparison", compared),
    (read, liveBytes) => judge(c, parts, read, liveBytes),
  );
}

/**
 * A body is read where there is room for it, which is given back with the answer.
 *
 * @param note for those who count
 * @param answer to a good comparison. `liveBytes`: see `Caller`
 */
export async function atTheDoor(
  c: RouteContext,
  parts: ComparisonParts,
  note: (compared: Compared) => void,
  answer: (read: GoodComparison, liveBytes: number) => Promise<Response>,
): Promise<Response> {
  const announced = announcedBytes(c);
  const expected = Math.min(announced ?? unaskedBytes, parts.config.maxBodyBytes);
  const stay = parts.door.enter(c.get("tenant") ?? "", mostHeldBytes(expected));
  if (stay === null) {
    note(crowdedOut);
    return refuse(c, crowded);
  }
  try {
    note(notRead);
    const mayRead = (bytes: number) => stay.grow(mostHeldBytes(bytes));
    const read = await readComparison(c, parts.platform, parts.config.maxBodyBytes, mayRead);
    const correlationId = read.ok ? read.value.request.correlation_id : read.error.correlationId;
    if (correlationId) c.set("correlationId", correlationId);
    if (!read.ok) return refuse(c, read.error.problem);
    const { ignoredFields: fields, bodyLength, isWide } = read.value;
    const liveBytes = heldBytes(announced ?? bodyLength, bodyLength, isWide);
    stay.resize(liveBytes);
    if (fields.length > 0) {
      parts.tell({
        kind: "unknown_fields",
        correlationId: c.get("correlationId"),
        traceId: tracedAs(c),
        fields,
      });
    }
    return await answer(read.value, liveBytes);
  } finally {
    stay.leave();
  }
}

/** `null`: its length isn't known before it is read. */
function announcedBytes(c: RouteContext): number | null {
  const announced = c.req.header("content-length");
  return announced === undefined ? null : Number(announced);
}

async function judge(
  c: RouteContext,
  parts: ComparisonParts,
  read: GoodComparison,
  liveBytes: number,
): Promise<Response> {
  const { config, clock } = parts;
  const { request, ignoredFields } = read;
  const asked = askedOf(request);
  const provider = asked.provider ?? config.defaultProvider;
  c.set("provider", provider);
  const mode = request.processing_mode ?? "queue_if_unavailable";
  // Whatever is thrown from here on, the comparison was read.
  c.set("comparison", { ...notRead, mode });
  const key = keyOf(c.req.header("idempotency-key"));
  if (key !== null && !idempotencyKey.safeParse(key).success) return refuse(c, badIdempotencyKey);

  const callback = callbackIn(request, c.get("tenant") ?? "", config.webhooks.prefixes);
  if (callback === "not_allowed") return refuse(c, notValid("comparison", [callbackNotAllowed]));

  const sender = callerOf(c, parts.platform, read, mode);
  const caller = { ...sender, liveBytes, ...(callback && { callback }) };
  const submitted = await submit(parts, key, asked, caller);
  c.set("comparison", comparedAs(mode, key !== null, submitted));
  if (!submitted.ok) {
    const model = asked.model ?? parts.defaultModels[provider];
    return refuse(c, problemOfRefusal(submitted.error, provider, parts.mask, clock.nowMs(), model));
  }
  parts.accounts.countRequest(caller.tenant);
  switch (submitted.value.kind) {
    case "judged":
      return textAnswer(200, bodyOf(submitted.value, caller), jsonType, c.get("correlationId"));
    case "answered":
      return textAnswer(200, submitted.value.body, jsonType, c.get("correlationId"));
    case "kept":
      return ticketAnswer(c, parts, submitted.value, ignoredFields);
    case "kept_before": {
      const { ticket } = submitted.value;
      const { estimate } = await contextOf(parts, ticket);
      return ticketAnswer(c, parts, { ticket, estimate, waitsFor: null }, ignoredFields);
    }
  }
}

/** @returns `undefined`: none is given */
function callbackIn(
  { callback_url: url }: ComparisonRequest,
  tenant: string,
  prefixes: readonly CallbackPrefix[],
): Callback | "not_allowed" | undefined {
  if (url === undefined || url === null) return undefined;
  const name = prefixOf(url, tenant, prefixes);
  return name === null ? "not_allowed" : { name, url };
}

const callbackNotAllowed: Issue = {
  path: "callback_url",
  message:
    "must be a URL under a prefix that the operator of this service has set for you (WEBHOOK_CALLBACK_PREFIXES), without user, password or fragment",
};

/** A caller whose metadata as written, and whose unread fields, are known. */
type Sender = Caller & Required<Pick<Caller, "metadataText" | "ignoredFields">>;

function callerOf(
  c: RouteContext,
  platform: Platform,
  { request, metadataText, ignoredFields }: GoodComparison,
  mode: ProcessingMode,
): Sender {
  return {
    ...whom(c, platform),
    mode,
    priority: request.priority ?? 0,
    userId: request.user_id ?? null,
    metadata: request.metadata ?? {},
    metadataText,
    ignoredFields,
    queueId: null,
  };
}

/** @param key `null`: the request has no `Idempotency-Key` */
async function submit(
  { gateway, submitKeyed, sha256 }: ComparisonParts,
  key: string | null,
  asked: Asked,
  caller: Sender,
) {
  if (key === null) return gateway.submit(asked, caller);
  const keyed = await keyedRequest(key, caller, asked, caller.metadataText, sha256);
  return submitKeyed(keyed, asked, caller, (judged) => bodyOf(judged, caller));
}

/** @returns the body of a 200 */
function bodyOf(judged: Extract<Submitted, { kind: "judged" }>, caller: Sender): string {
  const { provider, model: requestedModel, parameters } = judged.comparison;
  return judgementJson({
    ...judged,
    ...caller,
    provider,
    requestedModel,
    parameters,
    serviceVersion: version,
  });
}

/** @param estimate where the ticket stands; `null`: none can be made */
function ticketAnswer(
  c: RouteContext,
  parts: ComparisonParts,
  { ticket, estimate, waitsFor }: Omit<Extract<Submitted, { kind: "kept" }>, "kind">,
  ignoredFields: readonly string[],
): Response {
  c.set("queueId", ticket.about.id);
  const context = { estimate, isUsable: parts.usable.has(ticket.about.provider) };
  const body: TicketAnswer = {
    ...ticketBody(ticket, context, waitsFor, c.get("correlationId"), parts.clock.nowMs()),
    ignored_fields: [...ignoredFields],
  };
  return jsonAnswer(202, body, c.get("correlationId"), {
    location: body.status_url,
    ...(body.retry_after === null ? {} : { "retry-after": String(body.retry_after) }),
  });
}
