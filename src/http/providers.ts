/** `GET /api/v1/providers`, `POST /api/v1/providers/…/test` and `GET /api/v1/models`: what can be asked, and how it is. */
import type { Accounts } from "../accounts/accounts.ts";
import type { GateStatus } from "../domain/gate/view.ts";
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Clock, Ports } from "../gateway/ports.ts";
import type { Config } from "../settings/config.ts";
import {
  modelsQuery,
  providerParameter,
  type ModelsAnswer,
  type ProvidersAnswer,
  type ProviderTestAnswer,
} from "../wire/schemas.ts";
import { pathParameters, queryParameters } from "./address.ts";
import { jsonAnswer } from "./answer.ts";
import { problemOfRefusal } from "./errors.ts";
import { awayAsNull, statusesOf } from "./gate-views.ts";
import { withoutBody } from "./guards.ts";
import { namesByKey, type NamedModels, type NameOf } from "./paused-models.ts";
import type { Platform } from "./platform.ts";
import { providerRow, setupOf } from "./provider-rows.ts";
import { whom, type Guard, type RouteContext, type Routes } from "./route-context.ts";
import { testComparison } from "./test-comparison.ts";

export interface ProviderParts extends NamedModels {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly gate: Ports["gate"];
  readonly accounts: Accounts;
  /** Those that can be called: enabled, and with a key. */
  readonly usable: ReadonlySet<ProviderName>;
  readonly platform: Platform;
  readonly clock: Clock;
  /** Takes our keys out of a vendor's words. */
  readonly mask: (text: string) => string;
}

export function providerRoutes(app: Routes, guard: Guard, parts: ProviderParts): void {
  app.get("/api/v1/providers", guard, (c) => showProviders(c, parts));
  app.post(
    "/api/v1/providers/:provider/test",
    guard,
    withoutBody(parts),
    pathParameters(providerParameter),
    (c) => testProvider(c, c.req.valid("param").provider, parts),
  );
  app.get("/api/v1/models", guard, queryParameters(modelsQuery), (c) => {
    const body: ModelsAnswer = { models: parts.models(c.req.valid("query").provider) };
    return jsonAnswer(200, body, c.get("correlationId"));
  });
}

async function showProviders(c: RouteContext, parts: ProviderParts): Promise<Response> {
  const { config } = parts;
  const asker = c.get("tenant") ?? "";
  const today = parts.accounts.today(asker).catch(awayAsNull);
  const { tenant } = await parts.gateway.keysOf(asker, "");
  const gateStatuses = await statusesOf(parts.gate, tenant);
  const nameOf = await namesByKey(parts);
  const used = await today;
  const body: ProvidersAnswer = {
    providers: providerNames.map((name) => shownProvider(parts, name, gateStatuses[name], nameOf)),
    default_provider: config.defaultProvider,
    total_requests_today: used?.requests ?? null,
    total_cost_today: used === null ? null : roundedUsd(used.costUsd),
  };
  return jsonAnswer(200, body, c.get("correlationId"));
}

/** @param gateStatus `null`: its gate can't be reached */
export function shownProvider(
  {
    config,
    usable,
    defaultModels,
    clock,
  }: Pick<ProviderParts, "config" | "usable" | "defaultModels" | "clock">,
  name: ProviderName,
  gateStatus: GateStatus | null,
  nameOf: NameOf,
): ProvidersAnswer["providers"][number] {
  return providerRow({
    name,
    setup: setupOf(config, name),
    isUsable: usable.has(name),
    defaultModel: defaultModels[name],
    gateStatus,
    nameOf,
    nowMs: clock.nowMs(),
  });
}

/** Sums of binary fractions are a hair off: 0.1 and 0.2 make 0.30000000000000004. */
function roundedUsd(costUsd: number): number {
  return Math.round(costUsd * 1e9) / 1e9;
}

async function testProvider(
  c: RouteContext,
  provider: ProviderName,
  { gateway, platform, clock, mask, defaultModels }: ProviderParts,
): Promise<Response> {
  c.set("provider", provider);
  const startedAtMs = clock.monotonicMs();
  const judged = await gateway.tryOut(testComparison(provider), whom(c, platform));
  const body: ProviderTestAnswer = {
    success: judged.ok,
    provider,
    message: judged.ok
      ? `${judged.value.model} gave a judgement.`
      : problemOfRefusal(judged.error, provider, mask, clock.nowMs(), defaultModels[provider]).sentence,
    response_time_ms: clock.monotonicMs() - startedAtMs,
  };
  return jsonAnswer(200, body, c.get("correlationId"));
}
