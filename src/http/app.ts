/** Every route, with its handler at it. Where a comparison goes from here is in `gateway/gateway.ts`. */
import { Hono } from "hono";
import type { Config } from "../settings/config.ts";
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { Outlook } from "../domain/gate/view.ts";
import type { Ticket, TicketCopy } from "../domain/ticket/ticket.ts";
import type { Caller, Submitted } from "../gateway/submission.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { createKeyedSubmit } from "../gateway/idempotency.ts";
import { StoreAway, type Clock, type Ports, type Sha256, type Totals } from "../gateway/ports.ts";
import { methodsByPath, pathParameters, queryParameters } from "./address.ts";
import { jsonAnswer, jsonType, textAnswer } from "./answer.ts";
import { authenticate } from "./auth.ts";
import { readNothing } from "./body.ts";
import { askedOf, readComparison, traceIdOf } from "./comparison.ts";
import { docsHeaders, docsPage } from "./docs.ts";
import { problemOfRefusal, storeAway } from "./errors.ts";
import { judgementJson } from "./judgement.ts";
import { keyedRequest, keyOf } from "./keyed-request.ts";
import type { Log } from "../telemetry/log.ts";
import { openapiDocument } from "../wire/openapi.ts";
import type { Platform } from "./platform.ts";
import {
  badIdempotencyKey,
  noSuchTicket,
  notLoopback,
  nothingHere,
  unknownKey,
  wrongMethod,
} from "./problems.ts";
import { endRequest } from "./request-end.ts";
import {
  beginRequest,
  refuse,
  refuseUnexpected,
  type RouteContext,
  type Variables,
} from "./route-context.ts";
import * as schemas from "../wire/schemas.ts";
import type { Report } from "../telemetry/sentry.ts";
import { healthBody, overviewsOf, providerRow, utcDay, type Dependencies, type NameOf } from "./providers.ts";
import { version } from "../version.ts";
import { testComparison } from "./test-comparison.ts";
import { resultOf, statusJson, ticketBody } from "./tickets.ts";

export interface AppParts {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly submitKeyed: ReturnType<typeof createKeyedSubmit>;
  readonly gate: Ports["gate"];
  readonly totals: Totals;
  /** The stores, and how they are. */
  readonly dependencies: () => Promise<Dependencies>;
  /** What the queue is made of here. */
  readonly queueType: string;
  /** What of the stores breaks a promise. Asked after `dependencies`. */
  readonly storeWarnings: () => readonly string[];
  /** Those that can be called: enabled, and with a key. */
  readonly usable: ReadonlySet<ProviderName>;
  readonly defaultModels: Readonly<Record<ProviderName, string>>;
  /** The catalogue's, and the defaults, as they are now: of one provider, or of all. */
  readonly models: (provider?: ProviderName) => schemas.ModelsAnswer["models"];
  readonly platform: Platform;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly sha256: Sha256;
  readonly log: Log;
  readonly report: Report;
  /** Takes our keys out of a vendor's words. */
  readonly mask: (text: string) => string;
}

export function createApp(parts: AppParts) {
  const { config, gateway, submitKeyed, gate, totals, dependencies, queueType, usable, defaultModels } =
    parts;
  const { platform, clock, newId, sha256, log, mask } = parts;
  const app = new Hono<{ Variables: Variables }>();

  app.use(async (c, next) => {
    const startedAtMs = clock.nowMs();
    beginRequest(c, newId());
    // Hono hands errors to `onError` itself, but lets everything else that can be thrown through.
    await next().catch((thrown: unknown) => {
      c.res = refuseUnexpected(c, thrown);
    });
    endRequest(c, clock.nowMs() - startedAtMs, parts);
  });

  app.post("/api/v1/comparison", guard, async (c) => {
    const read = await readComparison(c, platform, config.maxBodyBytes);
    if (!read.ok) {
      if (read.error.correlationId) c.set("correlationId", read.error.correlationId);
      return refuse(c, read.error.problem);
    }
    const { request, metadataText, ignoredFields } = read.value;
    if (request.correlation_id) c.set("correlationId", request.correlation_id);
    if (ignoredFields.length > 0) {
      log("debug", "unknown_fields", {
        correlation_id: c.get("correlationId"),
        unknown_fields: ignoredFields,
      });
    }
    const asked = askedOf(request);
    const provider = asked.provider ?? config.defaultProvider;
    c.set("provider", provider);
    const caller: Caller = {
      ...whom(c),
      mode: request.processing_mode ?? "queue_if_unavailable",
      priority: request.priority ?? 0,
      userId: request.user_id ?? null,
      traceId: traceIdOf(c.req.header("traceparent")),
      metadata: request.metadata ?? {},
      metadataText,
      ignoredFields,
      queueId: null,
    };
    const bodyOf = (judged: Extract<Submitted, { kind: "judged" }>) => {
      const { model: requestedModel, parameters } = judged.comparison;
      return judgementJson({
        ...judged,
        ...caller,
        provider,
        requestedModel,
        parameters,
        metadataText,
        ignoredFields,
        serviceVersion: version,
      });
    };
    const key = keyOf(c.req.header("idempotency-key"));
    if (key !== null && !schemas.idempotencyKey.safeParse(key).success) {
      return refuse(c, badIdempotencyKey);
    }

    const submitted =
      key === null
        ? await gateway.submit(asked, caller)
        : await submitKeyed(
            await keyedRequest(key, caller, asked, metadataText, sha256),
            asked,
            caller,
            bodyOf,
          );
    if (!submitted.ok) {
      const model = asked.model ?? defaultModels[provider];
      return refuse(c, problemOfRefusal(submitted.error, provider, mask, clock.nowMs(), model));
    }
    totals.add(caller.tenant, utcDay(clock.nowMs()), 1, 0);
    if (submitted.value.kind === "judged") {
      return textAnswer(200, bodyOf(submitted.value), jsonType, c.get("correlationId"));
    }
    if (submitted.value.kind === "answered") {
      return textAnswer(200, submitted.value.body, jsonType, c.get("correlationId"));
    }
    const { ticket, waitsFor } = submitted.value;
    const outlook = await outlookOf(ticket);
    const body: schemas.TicketAnswer = {
      ...ticketBody(ticket, outlook, waitsFor, c.get("correlationId"), clock.nowMs()),
      ignored_fields: [...ignoredFields],
    };
    return jsonAnswer(202, body, c.get("correlationId"), {
      location: body.status_url,
      "retry-after": String(body.retry_after),
    });
  });

  app.get("/api/v1/status/:queue_id", guard, pathParameters(schemas.ticketParameter), async (c) => {
    const ticket = await gateway.find(c.req.valid("param").queue_id, c.get("tenant") ?? "");
    if (!ticket) return refuse(c, noSuchTicket);
    const json = statusJson(ticket, await outlookOf(ticket));
    return textAnswer(200, json, jsonType, c.get("correlationId"));
  });

  app.get("/api/v1/results/:queue_id", guard, pathParameters(schemas.ticketParameter), async (c) => {
    const ticket = await gateway.find(c.req.valid("param").queue_id, c.get("tenant") ?? "");
    if (!ticket) return refuse(c, noSuchTicket);
    const result = resultOf(ticket, await outlookOf(ticket), clock.nowMs());
    switch (result.kind) {
      case "judged":
        return textAnswer(200, result.json, jsonType, c.get("correlationId"));
      case "pending": {
        const retryAfter = { "retry-after": String(result.body.retry_after) };
        return jsonAnswer(202, result.body, c.get("correlationId"), retryAfter);
      }
      case "problem":
        return refuse(c, result.problem);
    }
  });

  app.get("/api/v1/providers", guard, async (c) => {
    const today = totals.of(c.get("tenant") ?? "", utcDay(clock.nowMs())).catch(awayAsNull);
    const tenant = await gateway.keysOf(c.get("tenant") ?? "", "");
    const overviews = await overviewsOf(gate, tenant.tenant);
    const nameOf = await namesByKey();
    const used = await today;
    const body: schemas.ProvidersAnswer = {
      providers: providerNames.map((name) =>
        providerRow(
          name,
          standingOf(name),
          usable.has(name),
          defaultModels[name],
          overviews[name],
          nameOf,
          clock.nowMs(),
        ),
      ),
      default_provider: config.defaultProvider,
      total_requests_today: used?.requests ?? null,
      total_cost_today: used?.costUsd ?? null,
    };
    return jsonAnswer(200, body, c.get("correlationId"));
  });

  app.post(
    "/api/v1/providers/:provider/test",
    guard,
    withoutBody,
    pathParameters(schemas.providerParameter),
    async (c) => {
      const { provider } = c.req.valid("param");
      c.set("provider", provider);
      const startedAtMs = clock.nowMs();
      const judged = await gateway.tryOut(testComparison(provider), whom(c));
      const body: schemas.ProviderTestAnswer = {
        success: judged.ok,
        provider,
        message: judged.ok
          ? `${judged.value.model} gave a judgement.`
          : problemOfRefusal(judged.error, provider, mask, clock.nowMs(), defaultModels[provider]).sentence,
        response_time_ms: clock.nowMs() - startedAtMs,
      };
      return jsonAnswer(200, body, c.get("correlationId"));
    },
  );

  app.get("/api/v1/models", guard, queryParameters(schemas.modelsQuery), (c) => {
    const { provider } = c.req.valid("query");
    const body: schemas.ModelsAnswer = {
      models: parts.models(provider),
    };
    return jsonAnswer(200, body, c.get("correlationId"));
  });

  app.get("/healthz", async (c) => {
    const stores = await dependencies();
    const warnings = [...config.warnings, ...parts.storeWarnings()];
    const body = healthBody(
      {
        platform: platform.name,
        environment: config.environment,
        warnings,
        queueType,
        nameOf: await namesByKey(),
      },
      Object.fromEntries(providerNames.map((name) => [name, standingOf(name)])),
      stores,
      await overviewsOf(gate),
      clock.nowMs(),
    );
    return jsonAnswer(body.status === "unhealthy" ? 503 : 200, body, c.get("correlationId"));
  });

  app.get("/openapi.json", (c) => jsonAnswer(200, openapiDocument(), c.get("correlationId")));

  app.get("/docs", (c) =>
    textAnswer(
      200,
      docsPage(openapiDocument()),
      "text/html; charset=UTF-8",
      c.get("correlationId"),
      docsHeaders,
    ),
  );

  for (const [path, methods] of methodsByPath(app.routes)) {
    app.all(path, (c) => refuse(c, wrongMethod(methods)));
  }
  app.notFound((c) => refuse(c, nothingHere));
  app.onError((error, c) => (error instanceof StoreAway ? refuse(c, storeAway) : refuseUnexpected(c, error)));

  return app;

  /** Lets nobody past who is not known. Stands at each route, so that it is the matched route that is guarded. */
  async function guard(c: RouteContext, next: () => Promise<void>): Promise<Response | undefined> {
    const { access } = config;
    const header = c.req.header("authorization");
    const tenant = await authenticate(header, access, () => platform.isLoopback(c), sha256);
    if (tenant === null) return refuse(c, access.kind === "keys" ? unknownKey : notLoopback);
    c.set("tenant", tenant);
    await next();
    return undefined;
  }

  /** Stands at every POST that reads nothing of its body. */
  async function withoutBody(c: RouteContext, next: () => Promise<void>): Promise<Response | undefined> {
    const problem = await readNothing(c, platform, config.maxBodyBytes);
    if (problem) return refuse(c, problem);
    await next();
    return undefined;
  }

  function whom(c: RouteContext) {
    return {
      correlationId: c.get("correlationId"),
      tenant: c.get("tenant") ?? "",
      onHangUp: (then: () => void) => platform.onHangUp(c, then),
    };
  }

  /** Without it a ticket's answers have no estimate; they are given all the same. For a copy nobody is asked: it may be behind. */
  async function outlookOf({ about, state }: Ticket | TicketCopy): Promise<Outlook | null> {
    if (state.status !== "queued" || !("texts" in state)) return null;
    return gate(about.provider).outlook(about.id).catch(awayAsNull);
  }

  /** Of the models that everybody may know of: the catalogue's, and the defaults. */
  async function namesByKey(): Promise<NameOf> {
    const catalogue = parts.models();
    const ids = [
      ...catalogue.map(({ provider, id }) => [provider, id] as const),
      ...providerNames.map((name) => [name, defaultModels[name]] as const),
    ];
    const rows = await Promise.all(
      ids.map(async ([provider, id]) => [`${provider} ${(await gateway.keysOf("", id)).model}`, id] as const),
    );
    const names = new Map(rows);
    return (provider, key) => names.get(`${provider} ${key}`) ?? null;
  }

  function standingOf(name: ProviderName) {
    const { enabled, configured } =
      name === "mock"
        ? { enabled: config.mock.enabled, configured: true }
        : { enabled: config.providers[name].enabled, configured: config.providers[name].apiKey !== null };
    return { enabled, configured };
  }
}

/** For what an answer can do without. */
function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
