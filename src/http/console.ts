/**
 * `GET /console`: how the service is, on one page for a person. It is made here, needs no script, and shows no text of anybody. Its forms do what
 * the operator's routes do, and lead back to the page.
 */
import { html } from "hono/html";
import type { Accounts } from "../accounts/accounts.ts";
import { providerNames } from "../domain/judging/comparison.ts";
import type { ListPosition, TicketQuery } from "../gateway/ports.ts";
import { isLoopback } from "../domain/loopback.ts";
import { recentCalls } from "../telemetry/recent.ts";
import { version } from "../version.ts";
import { ticketParameter } from "../wire/schemas.ts";
import { pathParameters } from "./address.ts";
import { textAnswer } from "./answer.ts";
import { loopbackTenant } from "../settings/tenants.ts";
import { actionsTable } from "./console/actions.ts";
import { consolePage, pageHeaders, script, style } from "./console/frame.ts";
import { atClock, type Html } from "./console/marks.ts";
import { failuresTable, headline, providersTable, tenantsTable, type ConsoleNow } from "./console/now.ts";
import { ticketPage } from "./console/ticket-page.ts";
import { statuses, ticketsSection, type Filter, type ListedTickets } from "./console/tickets.ts";
import { awayAsNull, contextOf, contextsOf, statusesOf } from "./gate-views.ts";
import { withoutBody } from "./guards.ts";
import type { HealthParts } from "./health.ts";
import type { MetricsParts } from "./metrics.ts";
import { operatorsOnly, type OperatorNeed } from "./operator-access.ts";
import { namesByKey } from "./paused-models.ts";
import { noSuchTicket, nothingHere } from "./problems.ts";
import { setupsOf } from "./provider-rows.ts";
import { refuse, type Guard, type RouteContext, type Routes } from "./route-context.ts";

export interface ConsoleParts extends HealthParts, MetricsParts {
  readonly accounts: Accounts;
}

export function consoleRoutes(app: Routes, parts: ConsoleParts): void {
  const may = (need: OperatorNeed) => askingBrowsers(operatorsOnly(parts, need), parts);
  const [look, act] = [may("look"), may("act")];
  const bodiless = withoutBody(parts);
  const named = pathParameters(ticketParameter);

  app.get("/console", look, (c) => showConsole(c, parts));
  app.get("/console/style.css", look, (c) =>
    textAnswer(200, style, "text/css; charset=UTF-8", c.get("correlationId")),
  );
  app.get("/console/app.js", look, (c) =>
    textAnswer(200, script, "text/javascript; charset=UTF-8", c.get("correlationId")),
  );
  app.get("/console/tickets/:queue_id", look, named, (c) =>
    showTicket(c, c.req.valid("param").queue_id, parts),
  );
  app.post("/console/tickets/:queue_id/cancel", act, named, bodiless, async (c) => {
    const { queue_id: id } = c.req.valid("param");
    const ticket = await parts.gateway.operator.cancel(id, c.get("operator") ?? "");
    return ticket === null ? refuse(c, noSuchTicket) : backTo(c, `/console/tickets/${id}`);
  });
  for (const verb of ["pause", "resume", "probe"] as const) {
    app.post(`/console/providers/:provider/${verb}`, act, bodiless, async (c) => {
      const provider = providerNames.find((name) => name === c.req.param("provider"));
      if (provider === undefined) return refuse(c, nothingHere);
      await parts.gateway.operator[verb](provider, c.get("operator") ?? "");
      return backTo(c, `/console#${provider}`);
    });
  }
}

/** A browser asks for name and key where the service says that it wants them. Programs are told nothing of the kind elsewhere. */
function askingBrowsers(guard: Guard, { config }: ConsoleParts): Guard {
  return async (c, next) => {
    const refused = await guard(c, next);
    if (refused?.status === 401 && config.operators.kind === "keys")
      refused.headers.set("www-authenticate", 'Basic realm="operator", charset="UTF-8"');
    return refused;
  };
}

/** What the form has done is shown by the page; loading that anew does not do it again. */
function backTo(c: RouteContext, location: string): Response {
  return textAnswer(303, "", "text/plain; charset=UTF-8", c.get("correlationId"), { location });
}

async function pageAnswer(c: RouteContext, title: string, main: Html): Promise<Response> {
  const page = await consolePage(title, main);
  return textAnswer(200, String(page), "text/html; charset=UTF-8", c.get("correlationId"), pageHeaders);
}

async function showConsole(c: RouteContext, parts: ConsoleParts): Promise<Response> {
  const { config, platform, deployment, gateway } = parts;
  const listing = listed(c, parts);
  const [now, tickets, actions] = await Promise.all([
    consoleNow(c, parts, listing),
    listing,
    gateway.operator.actions(actionsShown).catch(awayAsNull),
  ]);
  const { nowMs } = now;
  const about = [version, config.commit, deployment, platform.name, config.environment].filter(
    (one) => one !== null,
  );
  return pageAnswer(
    c,
    "Console",
    html`<h1>LLM provider service</h1>${headline(now, tickets)}<p class="dim">As of ${atClock(nowMs, nowMs)}. ${about.join(" · ")}</p><h2>Providers</h2>${providersTable(now)}<h2 id="tickets">Tickets</h2>${ticketsSection(
      tickets,
      now.tenants.map(({ tenant }) => tenant),
      nowMs,
    )}<h2>Cost today</h2>${tenantsTable(now)}<h2>Failed calls</h2>${failuresTable(now)}<h2>What operators did</h2>${actionsTable(actions, nowMs)}`,
  );
}

const actionsShown = 20;
const failuresShown = 50;
const tenantsShown = 100;
const ticketsShown = 25;

async function consoleNow(
  c: RouteContext,
  parts: ConsoleParts,
  listing: Promise<ListedTickets>,
): Promise<ConsoleNow> {
  const { config, platform, metrics, clock } = parts;
  const [statuses, dependencies, nameOf, recent, tenants] = await Promise.all([
    statusesOf(parts.gate),
    parts.dependencies("all"),
    namesByKey(parts),
    metrics.recent().catch(awayAsNull),
    tenantsToday(parts, listing),
  ]);
  const nowMs = clock.nowMs();
  const setups = setupsOf(config);
  return {
    nowMs,
    providers: providerNames.map((name) => ({
      name,
      setup: setups[name],
      status: statuses[name],
      recent: recent && recentCalls(recent, name, nowMs),
    })),
    dependencies,
    warnings: [...config.warnings, ...parts.storeWarnings(), ...(isReadable(c) ? [unencrypted] : [])],
    tenants,
    failures: recent && recent.failures.slice(-failuresShown).toReversed(),
    nameOf,
    countedBy: platform.name === "node" ? "of this process" : "of all isolates",
    mayAct: c.get("mayAct"),
  };
}

/** Who has a key or a ticket in the list, and who spent most before who spent less. */
async function tenantsToday(
  { config, accounts }: ConsoleParts,
  listing: Promise<ListedTickets>,
): Promise<ConsoleNow["tenants"]> {
  const { access } = config;
  const { rows: tickets } = await listing;
  const keyed = access.kind === "keys" ? access.keys.map(({ tenant }) => tenant) : [loopbackTenant];
  const names = new Set([...keyed, ...(tickets ?? []).map(({ ticket }) => ticket.about.tenant)]);
  const rows = await Promise.all(
    [...names]
      .slice(0, tenantsShown)
      .map(async (tenant) => ({ tenant, used: await accounts.today(tenant).catch(awayAsNull) })),
  );
  return rows.toSorted((a, b) => (b.used?.costUsd ?? 0) - (a.used?.costUsd ?? 0));
}

/** Whoever stands between the browser and this service can read along, as far as this service knows. */
function isReadable({ req }: RouteContext): boolean {
  const { protocol, hostname } = new URL(req.url);
  return (
    protocol === "http:" && !isLoopback(hostname) && !/^https\b/i.test(req.header("x-forwarded-proto") ?? "")
  );
}

const unencrypted = "This page came without TLS: your key and what you see can be read on the way";

async function listed(c: RouteContext, parts: ConsoleParts): Promise<ListedTickets> {
  const asked = c.req.query();
  const filter: Filter = {
    tenant: (asked["tenant"] ?? "").trim().slice(0, 200),
    provider: providerNames.find((name) => name === asked["provider"]) ?? "",
    status: [...statuses, "all"].find((status) => status === asked["status"]) ?? "queued",
  };
  const query: Omit<TicketQuery, "tenantKey" | "known"> = {
    tenant: filter.tenant === "" ? null : filter.tenant,
    provider: providerNames.find((name) => name === filter.provider) ?? null,
    status: statuses.find((status) => status === filter.status) ?? null,
    limit: ticketsShown,
    after: positionIn(asked),
  };
  const list = await parts.gateway.operator.list(query).catch(awayAsNull);
  return {
    filter,
    rows: list && (await contextsOf(parts, list.tickets)),
    isFromNewest: query.after === null,
    isComplete: list?.complete ?? true,
    nextUrl: list?.next
      ? `/console?${String(new URLSearchParams({ ...filter, until: String(list.next.acceptedAtMs), id: list.next.id }))}`
      : null,
  };
}

/** `until` a moment, and of that moment only behind `id`. */
function positionIn({ until = "", id }: Record<string, string>): ListPosition | null {
  if (!/^\d{1,15}$/.test(until)) return null;
  return id === undefined || !/^[0-9a-f-]{36}$/i.test(id)
    ? { acceptedAtMs: Number(until) + 1, id: "00000000-0000-0000-0000-000000000000" }
    : { acceptedAtMs: Number(until), id };
}

async function showTicket(c: RouteContext, queueId: string, parts: ConsoleParts): Promise<Response> {
  const shown = await parts.gateway.operator.show(queueId);
  if (shown === null) return refuse(c, noSuchTicket);
  c.set("queueId", queueId);
  const { ticket, events } = shown;
  const main = ticketPage(
    ticket,
    events,
    await contextOf(parts, ticket),
    parts.clock.nowMs(),
    c.get("mayAct"),
  );
  return pageAnswer(c, `Ticket ${queueId}`, main);
}
