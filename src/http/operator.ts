/**
 * The operator's routes: `GET /api/v1/operator/tickets`, all tenants' tickets; `DELETE` of one; `POST /api/v1/operator/providers/…/pause`,
 * `/resume` and `/probe`; `GET /api/v1/operator/actions`, what operators did.
 */
import type { z } from "zod";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { OperatorVerbs } from "../gateway/operator.ts";
import type { OperatorAction } from "../gateway/ports.ts";
import {
  actionsQuery,
  operatorTicketsQuery,
  providerParameter,
  ticketParameter,
  type ActionsAnswer,
  type PausableAnswer,
} from "../wire/schemas.ts";
import { pathParameters, queryParameters } from "./address.ts";
import { jsonAnswer } from "./answer.ts";
import { withoutBody } from "./guards.ts";
import { operatorsOnly, type OperatorParts } from "./operator-access.ts";
import { namesByKey } from "./paused-models.ts";
import { noSuchProvider } from "./problems.ts";
import { shownProvider, type ProviderParts } from "./providers.ts";
import { refuse, type RouteContext, type Routes } from "./route-context.ts";
import { showCancelled, showList, type TicketParts } from "./tickets.ts";

export interface OperatorRouteParts extends OperatorParts, TicketParts, ProviderParts {
  readonly config: ProviderParts["config"];
  readonly gateway: Gateway;
}

export function operatorRoutes(app: Routes, parts: OperatorRouteParts): void {
  const looks = operatorsOnly(parts, "look");
  const acts = operatorsOnly(parts, "act");
  const { operator } = parts.gateway;

  app.get("/api/v1/operator/tickets", looks, queryParameters(operatorTicketsQuery), (c) =>
    showTickets(c, c.req.valid("query"), parts),
  );
  app.delete("/api/v1/operator/tickets/:queue_id", acts, pathParameters(ticketParameter), async (c) => {
    const ticket = await operator.cancel(c.req.valid("param").queue_id, nameIn(c));
    return showCancelled(c, parts, ticket, { tenant: ticket?.about.tenant });
  });
  for (const verb of ["pause", "resume", "probe"] as const) {
    app.post(`/api/v1/operator/providers/:provider/${verb}`, acts, withoutBody(parts), (c) =>
      orderProvider(c, operator[verb], parts),
    );
  }
  app.get("/api/v1/operator/actions", looks, queryParameters(actionsQuery), async (c) => {
    const actions = await operator.actions(c.req.valid("query").limit);
    const body: ActionsAnswer = { actions: actions.map(shownAction) };
    return jsonAnswer(200, body, c.get("correlationId"));
  });
}

/** Whoever is let past the guard has one. */
function nameIn(c: RouteContext): string {
  return c.get("operator") ?? "";
}

function showTickets(
  c: RouteContext,
  { tenant, status, provider, limit, cursor }: z.infer<typeof operatorTicketsQuery>,
  parts: OperatorRouteParts,
): Promise<Response> {
  const asked = { status: status ?? null, provider: provider ?? null };
  const of = tenant ?? null;
  return showList(c, parts, cursor, { ...asked, of }, (after) =>
    parts.gateway.operator.list({ tenant: of, ...asked, limit, after }),
  );
}

async function orderProvider(
  c: RouteContext,
  order: OperatorVerbs["pause"],
  parts: OperatorRouteParts,
): Promise<Response> {
  const named = providerParameter.safeParse(c.req.param());
  if (!named.success) return refuse(c, noSuchProvider);
  const name: ProviderName = named.data.provider;
  c.set("provider", name);
  const gateStatus = await order(name, nameIn(c));
  const { halt } = gateStatus;
  const body: PausableAnswer = {
    ...shownProvider(parts, name, gateStatus, await namesByKey(parts)),
    paused_by: halt?.by ?? null,
    paused_at: halt === undefined ? null : iso(halt.atMs),
  };
  return jsonAnswer(200, body, c.get("correlationId"));
}

function shownAction(action: OperatorAction): ActionsAnswer["actions"][number] {
  const { atMs, operator, provider } = action;
  const ofTicket =
    action.action === "cancel"
      ? { queue_id: action.queueId, tenant: action.tenant }
      : { queue_id: null, tenant: null };
  return { at: iso(atMs), operator, action: action.action, provider, ...ofTicket };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
