/**
 * A tenant's webhooks: `GET /api/v1/webhooks`, how its receivers fare; `POST …/test` sends one something; `GET …/deliveries` is the log, and
 * `POST …/deliveries/…/redeliver` tells an event again.
 */
import type { z } from "zod";
import type { Delivery } from "../domain/push/delivery.ts";
import type { DeliveryPosition, DeliveryQuery } from "../gateway/delivery-store.ts";
import type { ShownEndpoint, Webhooks } from "../push/webhooks.ts";
import {
  deliveriesQuery,
  deliveryParameter,
  webhookTestRequest,
  type DeliveriesAnswer,
  type DeliveryAnswer,
  type WebhooksAnswer,
  type WebhookTestAnswer,
} from "../wire/schemas.ts";
import { pathParameters, queryParameters } from "./address.ts";
import { jsonAnswer } from "./answer.ts";
import { readJson } from "./body.ts";
import type { Problem } from "./errors.ts";
import { withoutBody } from "./guards.ts";
import { opaque, openCursor } from "./list-cursor.ts";
import type { HealthParts } from "./health.ts";
import { issuesOf, notValid } from "./problems.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";
import { iso } from "./ticket-answers.ts";

export type WebhookRouteParts = Pick<HealthParts, "config" | "platform" | "webhooks">;

export function webhookRoutes(app: Routes, guard: Guard, parts: WebhookRouteParts): void {
  const { webhooks } = parts;
  app.get("/api/v1/webhooks", guard, async (c) => {
    const own = (await webhooks?.endpoints(tenantOf(c))) ?? [];
    const body: WebhooksAnswer = { endpoints: own.map(shownEndpoint) };
    return jsonAnswer(200, body, c.get("correlationId"));
  });
  app.post("/api/v1/webhooks/test", guard, (c) => testEndpoint(c, parts));
  app.get("/api/v1/webhooks/deliveries", guard, queryParameters(deliveriesQuery), (c) =>
    showDeliveries(c, c.req.valid("query"), webhooks),
  );
  app.post(
    "/api/v1/webhooks/deliveries/:delivery_id/redeliver",
    guard,
    pathParameters(deliveryParameter),
    withoutBody(parts),
    (c) => redeliver(c, c.req.valid("param").delivery_id, webhooks),
  );
}

function tenantOf(c: RouteContext): string {
  return c.get("tenant") ?? "";
}

function shownEndpoint({ host, health }: ShownEndpoint): WebhooksAnswer["endpoints"][number] {
  const { name, kind, state, failingSinceMs, offBecause, pending, dropped, lastDeliveredAtMs } = health;
  return {
    name,
    host,
    kind,
    state,
    failing_since: isoOrNull(failingSinceMs),
    off_because: offBecause,
    pending,
    dropped,
    last_delivered_at: isoOrNull(lastDeliveredAtMs),
  };
}

async function testEndpoint(c: RouteContext, { webhooks, platform, config }: WebhookRouteParts) {
  const read = await readJson(c, platform, config.maxBodyBytes);
  if (!read.ok) return refuse(c, read.error);
  const asked = webhookTestRequest.safeParse(read.value.value);
  if (!asked.success) return refuse(c, notValid("body", issuesOf(asked.error.issues)));
  const { name } = asked.data;
  const test = (await webhooks?.test(tenantOf(c), name)) ?? { kind: "unknown" as const };
  switch (test.kind) {
    case "unknown":
      return refuse(c, noSuchEndpoint);
    case "too_many":
      return refuse(c, tooManyTests(test.retryAfterMs));
    case "tested": {
      const { end, isGood, durationMs, eventId } = test;
      const body: WebhookTestAnswer = {
        name,
        delivered: isGood,
        status: end.kind === "status" ? end.status : null,
        error: isGood ? null : end.kind,
        response_time_ms: durationMs,
        event_id: eventId,
      };
      return jsonAnswer(200, body, c.get("correlationId"));
    }
  }
}

async function showDeliveries(
  c: RouteContext,
  asked: z.infer<typeof deliveriesQuery>,
  webhooks: Webhooks | null,
): Promise<Response> {
  const { limit, cursor } = asked;
  const filters: Filters = { name: asked.name ?? null, status: asked.status ?? null };
  const after = cursor === undefined ? null : positionIn(cursor, filters);
  if (typeof after === "string") return refuse(c, notValid("address", [{ path: "cursor", message: after }]));
  const page = await webhooks?.page({ tenant: tenantOf(c), ...filters, after, limit });
  const { deliveries, next } = page ?? { deliveries: [], next: null };
  const body: DeliveriesAnswer = {
    deliveries: deliveries.map(shownDelivery),
    cursor: next && cursorAt(next, filters),
  };
  return jsonAnswer(200, body, c.get("correlationId"));
}

async function redeliver(c: RouteContext, id: string, webhooks: Webhooks | null): Promise<Response> {
  const again = (await webhooks?.redeliver(tenantOf(c), id)) ?? { kind: "unknown" as const };
  switch (again.kind) {
    case "unknown":
      return refuse(c, noSuchDelivery);
    case "forgotten":
      return refuse(c, ticketForgotten);
    case "redelivered":
      c.set("queueId", again.delivery.ticketId);
      return jsonAnswer(202, shownDelivery(again.delivery), c.get("correlationId"));
  }
}

function shownDelivery(delivery: Delivery): DeliveryAnswer {
  const { id, eventId, type, ticketId, endpoint, attempts, lastStatus, lastError, createdAtMs, state } =
    delivery;
  return {
    delivery_id: id,
    event_id: eventId,
    type,
    queue_id: ticketId,
    endpoint,
    status: state.status === "due" || state.status === "sending" ? "pending" : state.status,
    attempts,
    last_status: lastStatus ?? null,
    last_error: lastError ?? null,
    next_attempt_at: isoOrNull(state.status === "due" ? state.dueMs : null),
    created_at: iso(createdAtMs),
  };
}

type Filters = Pick<DeliveryQuery, "name" | "status">;

const version = "1";

function cursorAt({ createdAtMs, id }: DeliveryPosition, { name, status }: Filters): string {
  return opaque([version, createdAtMs, id, name ?? "", status ?? ""].join(" "));
}

/** @returns what is wrong with it, where something is */
function positionIn(cursor: string, { name, status }: Filters): DeliveryPosition | string {
  const [, atMs, id, ofName, ofStatus] =
    /^1 (\d{1,16}) ([\da-f-]{36}) ([\w.-]{0,64}) (\w{0,9})$/.exec(openCursor(cursor)) ?? [];
  if (atMs === undefined || id === undefined) return "is none of this service's";
  if (ofName !== (name ?? "") || ofStatus !== (status ?? "")) return "belongs to other filters";
  return { createdAtMs: Number(atMs), id };
}

function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : iso(atMs);
}

const noSuchEndpoint: Problem = {
  status: 404,
  type: "RESOURCE_NOT_FOUND",
  sentence: "There is no receiver of webhooks with this name.",
};

const noSuchDelivery: Problem = {
  status: 404,
  type: "RESOURCE_NOT_FOUND",
  sentence: "There is no delivery with this delivery_id, or its receiver is in the settings no more.",
};

const ticketForgotten: Problem = {
  status: 410,
  type: "REQUEST_EXPIRED",
  sentence: "The ticket of this delivery is forgotten: there is nothing to tell any more.",
};

function tooManyTests(retryAfterMs: number): Problem {
  return {
    status: 429,
    type: "RATE_LIMIT",
    sentence: "Six tests a minute are sent.",
    retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)),
  };
}
