/** The OpenAPI 3.1 document, made from the schemas that validate (zod writes JSON Schema 2020-12, which is OpenAPI 3.1's own dialect). */
import * as z from "zod";
import { version } from "../version.ts";
import * as schemas from "./schemas.ts";

interface Operation {
  readonly path: string;
  readonly method: "get" | "post" | "delete";
  readonly id: string;
  readonly summary: string;
  readonly open?: true;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    /** Where it isn't the one of its name in `parameterSchemas`. */
    readonly schema?: unknown;
  }[];
  readonly body?: "ComparisonRequest" | "WebhookTestRequest";
  /** The schema of the answer at 200; a media type where it isn't JSON. */
  readonly answer: keyof typeof components | `${string}/${string}`;
  /** The schema of the answer at 202. */
  readonly accepted?: keyof typeof components;
  /** What the answer at 204 means. */
  readonly empty?: string;
  /** What else it answers, all with the schema of errors; 500 is understood. */
  readonly errors: readonly number[];
}

const components = {
  ComparisonRequest: schemas.comparisonRequest,
  Judgement: schemas.judgementAnswer,
  Preview: schemas.previewAnswer,
  Ticket: schemas.ticketAnswer,
  Status: schemas.statusAnswer,
  Tickets: schemas.ticketsAnswer,
  Events: schemas.eventsAnswer,
  Webhooks: schemas.webhooksAnswer,
  WebhookTestRequest: schemas.webhookTestRequest,
  WebhookTest: schemas.webhookTestAnswer,
  Deliveries: schemas.deliveriesAnswer,
  Delivery: schemas.deliveryAnswer,
  Result: schemas.resultAnswer,
  Pending: schemas.pendingAnswer,
  Error: schemas.errorAnswer,
  Providers: schemas.providersAnswer,
  ProviderTest: schemas.providerTestAnswer,
  Models: schemas.modelsAnswer,
  OperatorTickets: schemas.operatorTicketsAnswer,
  OperatorStatus: schemas.operatorStatusAnswer,
  OperatorProvider: schemas.pausableAnswer,
  OperatorActions: schemas.actionsAnswer,
  Health: schemas.healthAnswer,
  Home: schemas.homeAnswer,
  Alive: schemas.aliveAnswer,
  Ready: schemas.readyAnswer,
  // A store is away; or the service is not set up at all, and then each of its routes answers so.
  Unhealthy: z.union([schemas.healthAnswer, schemas.errorAnswer]),
} as const;

const waiting: Operation["parameters"] = [
  { name: "queue_id", in: "path" },
  { name: "wait", in: "query" },
  { name: "Prefer", in: "header" },
];

const operations: readonly Operation[] = [
  {
    path: "/api/v1/comparison",
    method: "post",
    id: "compare",
    summary:
      "Which of these two essays is better? One fresh judgement, or a ticket for one where the provider is down.",
    parameters: [{ name: "Idempotency-Key", in: "header" }],
    body: "ComparisonRequest",
    answer: "Judgement",
    accepted: "Ticket",
    errors: [400, 401, 409, 413, 415, 422, 502, 503],
  },
  {
    path: "/api/v1/comparison/preview",
    method: "post",
    id: "preview",
    summary: "What would be sent for a comparison, and what it might cost. Nothing is judged or kept.",
    body: "ComparisonRequest",
    answer: "Preview",
    errors: [400, 401, 413, 415, 503],
  },
  {
    path: "/api/v1/status/{queue_id}",
    method: "get",
    id: "status",
    summary: "Where a ticket stands: now, or at its end where that comes before the wait is over.",
    parameters: waiting,
    answer: "Status",
    errors: [400, 401, 404, 503],
  },
  {
    path: "/api/v1/status/{queue_id}/events",
    method: "get",
    id: "ticketEvents",
    summary:
      "What happens to a ticket, as it happens, until its end: Server-Sent Events or, with Upgrade: websocket (101), a WebSocket whose messages are JSON with id, type, timestamp and data.",
    parameters: [
      { name: "queue_id", in: "path" },
      { name: "after", in: "query" },
      { name: "Last-Event-ID", in: "header" },
    ],
    answer: "text/event-stream",
    empty: "All is told: the ticket has ended, and nothing has happened behind that event.",
    errors: [400, 401, 404, 503],
  },
  {
    path: "/api/v1/results/{queue_id}",
    method: "get",
    id: "result",
    summary: "The judgement of a ticket: now, or at its end where that comes before the wait is over.",
    parameters: waiting,
    answer: "Result",
    accepted: "Pending",
    errors: [400, 401, 404, 410, 502, 503],
  },
  {
    path: "/api/v1/tickets",
    method: "get",
    id: "tickets",
    summary: "Your tickets, newest first.",
    parameters: [
      { name: "status", in: "query" },
      { name: "provider", in: "query" },
      { name: "limit", in: "query" },
      { name: "cursor", in: "query" },
    ],
    answer: "Tickets",
    errors: [400, 401, 503],
  },
  {
    path: "/api/v1/tickets/{queue_id}",
    method: "delete",
    id: "cancel",
    summary:
      "Cancels a ticket: its texts are erased at once, and it won't be judged. Said again, it is the same.",
    parameters: [{ name: "queue_id", in: "path" }],
    answer: "Status",
    errors: [400, 401, 404, 409, 503],
  },
  {
    path: "/api/v1/events",
    method: "get",
    id: "feed",
    summary: "Your tickets that have ended, in the order of their ends, each kept as long as the ticket.",
    parameters: [
      { name: "after", in: "query", schema: jsonSchema("after", schemas.feedQuery.shape.after) },
      { name: "wait", in: "query" },
      { name: "limit", in: "query", schema: jsonSchema("limit", schemas.feedQuery.shape.limit) },
    ],
    answer: "Events",
    errors: [400, 401, 410, 503],
  },
  {
    path: "/api/v1/webhooks",
    method: "get",
    id: "webhooks",
    summary: "Your receivers of webhooks, and how they fare.",
    answer: "Webhooks",
    errors: [401, 503],
  },
  {
    path: "/api/v1/webhooks/test",
    method: "post",
    id: "testWebhook",
    summary:
      "Sends a receiver a webhook.test, six a minute. 200 also when it does not arrive; a good one turns the receiver on.",
    body: "WebhookTestRequest",
    answer: "WebhookTest",
    errors: [400, 401, 404, 413, 415, 429],
  },
  {
    path: "/api/v1/webhooks/deliveries",
    method: "get",
    id: "deliveries",
    summary: "What your receivers were told, or are to be told, newest first.",
    parameters: [
      { name: "name", in: "query", schema: jsonSchema("name", schemas.deliveriesQuery.shape.name) },
      { name: "status", in: "query", schema: jsonSchema("status", schemas.deliveriesQuery.shape.status) },
      { name: "limit", in: "query" },
      { name: "cursor", in: "query" },
    ],
    answer: "Deliveries",
    errors: [400, 401, 503],
  },
  {
    path: "/api/v1/webhooks/deliveries/{delivery_id}/redeliver",
    method: "post",
    id: "redeliver",
    summary: "Tells a receiver the same event again, under its id.",
    parameters: [
      {
        name: "delivery_id",
        in: "path",
        schema: jsonSchema("delivery_id", schemas.deliveryParameter.shape.delivery_id),
      },
    ],
    answer: "Delivery",
    accepted: "Delivery",
    errors: [400, 401, 404, 410, 413, 415, 503],
  },
  {
    path: "/api/v1/providers",
    method: "get",
    id: "providers",
    summary: "The providers, and which of them can be asked.",
    answer: "Providers",
    errors: [401],
  },
  {
    path: "/api/v1/providers/{provider}/test",
    method: "post",
    id: "testProvider",
    summary: "Asks a provider for one small judgement. 200 also when the test fails.",
    parameters: [{ name: "provider", in: "path" }],
    answer: "ProviderTest",
    errors: [400, 401, 413, 415],
  },
  {
    path: "/api/v1/models",
    method: "get",
    id: "models",
    summary: "The catalogue of models: what each takes and what it costs.",
    parameters: [{ name: "provider", in: "query" }],
    answer: "Models",
    errors: [400, 401],
  },
  {
    path: "/healthz",
    method: "get",
    id: "health",
    summary: "Can the service serve?",
    open: true,
    answer: "Health",
    errors: [503],
  },
  {
    path: "/metrics",
    method: "get",
    id: "metrics",
    summary:
      "What was counted, and how gates and stores are now, as Prometheus reads it. For operators' keys alone.",
    answer: "text/plain",
    errors: [401],
  },
  {
    path: "/console",
    method: "get",
    id: "console",
    summary: "The same for a person, as a page; for operators' keys alone, by HTTP Basic too.",
    answer: "text/html",
    errors: [401],
  },
  {
    path: "/api/v1/operator/tickets",
    method: "get",
    id: "operatorTickets",
    summary: "All tenants' tickets, or one's, newest first. As all below it, for operators' keys alone.",
    parameters: [
      { name: "tenant", in: "query" },
      { name: "status", in: "query" },
      { name: "provider", in: "query" },
      { name: "limit", in: "query" },
      { name: "cursor", in: "query" },
    ],
    answer: "OperatorTickets",
    errors: [400, 401, 503],
  },
  {
    path: "/api/v1/operator/tickets/{queue_id}",
    method: "delete",
    id: "operatorCancel",
    summary: "Cancels anybody's ticket.",
    parameters: [{ name: "queue_id", in: "path" }],
    answer: "OperatorStatus",
    errors: [400, 401, 403, 404, 409, 503],
  },
  ...(["pause", "resume", "probe"] as const).map(operatorVerb),
  {
    path: "/api/v1/operator/actions",
    method: "get",
    id: "operatorActions",
    summary: "What operators did.",
    parameters: [
      { name: "limit", in: "query", schema: jsonSchema("limit", schemas.actionsQuery.shape.limit) },
    ],
    answer: "OperatorActions",
    errors: [400, 401, 503],
  },
  {
    path: "/livez",
    method: "get",
    id: "alive",
    summary: "Does the process live? Asks nobody else.",
    open: true,
    answer: "Alive",
    // Where it is not set up.
    errors: [503],
  },
  {
    path: "/readyz",
    method: "get",
    id: "ready",
    summary: "Should it be sent requests? Not while it ends, and not while nothing can be kept.",
    open: true,
    answer: "Ready",
    errors: [503],
  },
  {
    path: "/",
    method: "get",
    id: "home",
    summary: "Which service answers here, and where its page is.",
    open: true,
    answer: "Home",
    errors: [],
  },
  {
    path: "/openapi.json",
    method: "get",
    id: "openapi",
    summary: "This document.",
    open: true,
    answer: "application/json",
    errors: [],
  },
  {
    path: "/docs",
    method: "get",
    id: "docs",
    summary: "This document, to read.",
    open: true,
    answer: "text/html",
    errors: [],
  },
];

function operatorVerb(verb: "pause" | "resume" | "probe"): Operation {
  return {
    path: `/api/v1/operator/providers/{provider}/${verb}`,
    method: "post",
    id: `operator${verb[0]?.toUpperCase()}${verb.slice(1)}`,
    summary: {
      pause: "Calls nothing there, as if its breaker were open, until somebody resumes.",
      resume: "Lets calls through again.",
      probe: "Asks now what would be asked when its time has come.",
    }[verb],
    parameters: [{ name: "provider", in: "path" }],
    answer: "OperatorProvider",
    errors: [401, 403, 404, 413, 415, 503],
  };
}

const meanings: Readonly<Record<number, string>> = {
  400: "The request is not valid.",
  401: "No API key, or an unknown one.",
  403: "This operator's key may only look.",
  404: "There is no such thing, or it is not yours.",
  409: "A request with this Idempotency-Key is under way, or the ticket has ended and can't be cancelled.",
  410: "The ticket waited for longer than it may, or was cancelled; or what came behind the cursor is not all kept any more.",
  413: "The body is too large.",
  415: "The body is not plain JSON.",
  429: "Too often for now.",
  422: "The provider says that this request can never succeed, or the Idempotency-Key was used for another comparison.",
  500: "A bug of ours.",
  502: "The provider answered, but not with a judgement, or refused our credentials.",
  503: "Not now: the provider or this service is unavailable.",
};

let made: OpenapiDocument | null = null;

export type OpenapiDocument = ReturnType<typeof make>;

/** Made at the first call and then kept: it never changes. */
export function openapiDocument(): OpenapiDocument {
  return (made ??= make());
}

function make() {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method] = describe(operation);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "llm-provider-service",
      version,
      description: "Comparative judgement by LLMs: two essays and a prompt in, one fresh judgement out.",
    },
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(
        Object.entries(components).map(([name, schema]) => [name, jsonSchema(name, schema)]),
      ),
    },
    security: [{ key: [] }],
  };
}

function describe(operation: Operation) {
  const isStream = operation.answer === "text/event-stream";
  /** Whatever comes of it comes later, and can't be waited for. */
  const isLater = operation.answer === operation.accepted;
  const now = {
    description: "OK",
    headers: isStream ? { ...headers, "Cache-Control": streamed } : headers,
    content: contentOf(operation.answer),
  };
  const responses: Record<string, unknown> = isLater
    ? { 202: { ...now, description: "It will be done." } }
    : { 200: now };
  if (operation.empty) responses["204"] = { description: operation.empty, headers, content: {} };
  if (operation.accepted && !isLater) {
    responses["202"] = {
      description: "Not judged yet.",
      headers: {
        ...headers,
        "Retry-After": { required: true, schema: seconds },
        ...(operation.accepted === "Ticket" && {
          Location: { required: true, schema: { type: "string", format: "uri-reference" } },
        }),
      },
      content: contentOf(operation.accepted),
    };
  }
  for (const status of [...operation.errors, 500]) {
    const content = { "application/json": { schema: reference("Error") } };
    const again = { "Retry-After": { required: false, schema: seconds } };
    // The health page is an answer, be it a bad one.
    const isHealth = operation.answer === "Health";
    const canHelp = [409, 429, 503].includes(status) && !isHealth && !isLater;
    responses[status] = {
      description: meanings[status],
      headers: canHelp ? { ...headers, ...again } : headers,
      content: isHealth && status === 503 ? contentOf("Unhealthy") : content,
    };
  }
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(operation.open && { security: [] }),
    ...(operation.parameters && {
      parameters: operation.parameters.map((parameter) => ({
        schema: parameterSchemas[parameter.name],
        ...parameter,
        required: parameter.in === "path",
      })),
    }),
    ...(operation.body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: reference(operation.body) } },
      },
    }),
    responses,
  };
}

const seconds = { type: "integer", minimum: 1 };

const headers = {
  "X-Correlation-ID": { required: true, schema: { type: "string", format: "uuid" } },
  "Cache-Control": { required: true, schema: { const: "no-store" } },
};

const streamed = { required: true, schema: { const: "no-store, no-transform" } };

const parameterSchemas: Readonly<Record<string, unknown>> = {
  queue_id: jsonSchema("queue_id", schemas.ticketParameter.shape.queue_id),
  "Idempotency-Key": jsonSchema("Idempotency-Key", schemas.idempotencyKey),
  provider: jsonSchema("provider", schemas.providerParameter.shape.provider),
  wait: jsonSchema("wait", schemas.waitQuery.shape.wait),
  after: jsonSchema("after", schemas.eventsQuery.shape.after),
  "Last-Event-ID": jsonSchema("Last-Event-ID", schemas.lastEventId),
  Prefer: { type: "string", description: "As RFC 7240 has it: wait=10 is as the wait of that many seconds." },
  status: jsonSchema("status", schemas.ticketsQuery.shape.status),
  limit: jsonSchema("limit", schemas.ticketsQuery.shape.limit),
  cursor: jsonSchema("cursor", schemas.ticketsQuery.shape.cursor),
  tenant: jsonSchema("tenant", schemas.operatorTicketsQuery.shape.tenant),
};

function contentOf(answer: Operation["answer"]) {
  return answer.includes("/") ? { [answer]: {} } : { "application/json": { schema: reference(answer) } };
}

function reference(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}

function jsonSchema(name: string, schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: name.endsWith("Request") ? "input" : "output",
  });
  return rest;
}
