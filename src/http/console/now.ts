/** The page's upper half: whether anything is wrong, the providers, and what tenants spent. */
import { html } from "hono/html";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { GateStatus } from "../../domain/gate/view.ts";
import type { FailedAttempt, RecentCalls } from "../../telemetry/recent.ts";
import type { Dependencies } from "../health.ts";
import type { NameOf } from "../paused-models.ts";
import type { Setup } from "../provider-rows.ts";
import { counted, moment, money, named, table, type Html } from "./marks.ts";
import type { ListedTickets } from "./tickets.ts";
import { obstaclesOf } from "./obstacles.ts";
import { sparkline } from "./sparkline.ts";

export interface ProviderNow {
  readonly name: ProviderName;
  readonly setup: Setup;
  /** `null`: its gate can't be reached. */
  readonly status: GateStatus | null;
  /** `null`: not known now. */
  readonly recent: RecentCalls | null;
}

interface TenantToday {
  readonly tenant: string;
  /** `null`: the store can't be asked. */
  readonly used: { readonly requests: number; readonly costUsd: number } | null;
}

export interface ConsoleNow {
  readonly nowMs: number;
  readonly providers: readonly ProviderNow[];
  readonly dependencies: Dependencies;
  readonly warnings: readonly string[];
  readonly tenants: readonly TenantToday[];
  /** Newest first; `null`: not known now. */
  readonly failures: readonly FailedAttempt[] | null;
  readonly nameOf: NameOf;
  /** Whose calls are counted. */
  readonly countedBy: string;
  readonly mayAct: boolean;
}

/** In a sentence: is anything wrong? Then what, and how many wait for it. */
export function headline(
  { nowMs, providers, dependencies, warnings, nameOf }: ConsoleNow,
  tickets: ListedTickets,
): Html {
  const down = Object.entries(dependencies).filter(([, { status }]) => status === "down");
  const wrong = [
    ...down.map(
      ([name, { error, needed }]) =>
        html`<b>${name}</b> can't be reached (${error ?? "other"})${needed ? ": nothing can be kept, so no ticket is taken" : ""}.`,
    ),
    ...providers.flatMap((provider) =>
      obstaclesOf(provider, nameOf, nowMs).map(
        (one) => html`<b>${provider.name}</b>: ${one} ${waiting(provider, tickets, nowMs)}`,
      ),
    ),
  ];
  const size = providers.reduce((all, { status }) => all + (status?.queue.size ?? 0), 0);
  // A store's warnings are sentences already, those of the settings are not.
  const known = warnings.map((warning) => html`<li>${warning.replace(/\.$/, "")}.</li>`);
  return html`${
    wrong.length === 0
      ? html`<p id="state" class="well"><b>Nothing is wrong.</b> ${size === 0 ? "No ticket waits." : `${counted(size, "ticket")} ${size === 1 ? "is" : "are"} on the way.`}</p>`
      : html`<div id="state" class="wrong"><p><b>${counted(wrong.length, "thing")} ${wrong.length === 1 ? "is" : "are"} wrong.</b></p><ul>${wrong.map((one) => html`<li>${one}</li>`)}</ul></div>`
  }${known.length === 0 ? "" : html`<div class="warn"><p>Warnings:</p><ul>${known}</ul></div>`}`;
}

function waiting({ name, status }: ProviderNow, tickets: ListedTickets, nowMs: number): Html | string {
  if (status === null || status.queue.size === 0) return "No ticket waits for it.";
  const { size, oldestAcceptedAtMs } = status.queue;
  const oldest =
    oldestAcceptedAtMs === null ? "" : html`, the oldest from ${moment(oldestAcceptedAtMs, nowMs)}`;
  return html`${counted(size, "ticket waits", "tickets wait")} for it${whose(name, tickets)}${oldest}.`;
}

/** As far as the list has them, which is of the newest. */
function whose(
  provider: ProviderName,
  { filter, rows, isFromNewest, isComplete, nextUrl }: ListedTickets,
): Html | string {
  const tenants = new Set(
    rows
      ?.map(({ ticket: { about } }) => about)
      .filter((about) => about.provider === provider)
      .map(({ tenant }) => tenant),
  );
  if (filter.status !== "queued" || tenants.size === 0) return "";
  const isAll = filter.tenant === "" && isFromNewest && isComplete && nextUrl === null;
  return html` (of ${[...tenants].map((tenant, at) => html`${at === 0 ? "" : ", "}${named(tenant)}`)}${isAll ? "" : " and perhaps others"})`;
}

export function providersTable(now: ConsoleNow): Html {
  const { nowMs, providers, nameOf, countedBy, mayAct } = now;
  const rows = providers.filter(isInUse).map((provider) => {
    const { name, status, recent } = provider;
    const found = obstaclesOf(provider, nameOf, nowMs);
    return [
      html`<b id="${name}">${name}</b>`,
      html`<b class="${found.length === 0 ? "ok" : isCalled(provider) ? "" : "bad"}">${stateOf(provider)}</b>${found.map((one) => html`<p>${one}</p>`)}${status?.lastSuccessMs && status.state === "closed" ? html`<p>Last answer ${moment(status.lastSuccessMs, nowMs)}.</p>` : ""}`,
      queueCell(provider, nowMs),
      recent === null ? "not known now" : callsCell(recent),
      ...(mayAct ? [buttons(provider)] : []),
    ];
  });
  const idle = providers.filter((provider) => !isInUse(provider)).map(({ name }) => name);
  const columns = ["Provider", "State, why, until when", "Queue", `Last ten minutes, ${countedBy}`];
  return html`${table("What each does, what waits for it, and how its calls went.", mayAct ? [...columns, "Actions"] : columns, rows, "No provider is set up.")}${idle.length === 0 ? "" : html`<p>Not set up: ${idle.join(", ")}.</p>`}`;
}

/** Or somebody waits for it all the same. */
function isInUse({ setup, status }: ProviderNow): boolean {
  return (setup.enabled && setup.configured) || (status?.queue.size ?? 0) > 0 || status?.halt !== undefined;
}

/** Those that would do something. */
function buttons({ name, status }: ProviderNow): Html {
  const verbs = status?.halt === undefined ? ["pause", ...(status?.retryAtMs ? ["probe"] : [])] : ["resume"];
  return html`<form method="post">${verbs.map((verb) => html`<button id="${verb}-${name}" formaction="/console/providers/${name}/${verb}" aria-label="${verb} ${name}">${verb}</button>`)}</form>`;
}

function isCalled({ setup, status }: ProviderNow): boolean {
  return (
    setup.enabled &&
    setup.configured &&
    status?.state === "closed" &&
    status.refused === null &&
    status.halt === undefined
  );
}

function stateOf({ setup, status }: ProviderNow): string {
  if (!setup.enabled || !setup.configured) return "not set up: no calls go out";
  if (status?.halt !== undefined) return "paused: no calls go out";
  switch (status?.state) {
    case undefined:
      return "not known";
    case "closed":
      return status.refused === null ? "closed: calls go out" : "closed, but our account is refused";
    case "open":
      return "open: no calls go out";
    case "half_open":
      return "half-open: one call tries";
  }
}

function queueCell({ name, status }: ProviderNow, nowMs: number): Html | string {
  if (status === null) return "not known";
  const { size, maxSize, running = 0, oldestAcceptedAtMs } = status.queue;
  const oldest =
    oldestAcceptedAtMs === null
      ? ""
      : html`<p>Oldest: <a href="/console?provider=${name}&amp;status=all&amp;until=${oldestAcceptedAtMs}#tickets">${moment(oldestAcceptedAtMs, nowMs)}</a></p>`;
  return html`<meter min="0" max="${maxSize}" high="${maxSize * 0.8}" value="${size}" aria-label="Queue of ${name}"></meter> ${size} of ${maxSize}, ${running} running${oldest}`;
}

function callsCell(recent: RecentCalls): Html | string {
  const { calls, failed, medianMs, p95Ms } = recent;
  if (calls === 0 || medianMs === null || p95Ms === null) return "no calls";
  const share = ((100 * failed) / calls).toFixed(failed > 0 && failed < calls ? 1 : 0);
  return html`${sparkline(recent)}<p>${counted(calls, "call")} (${(calls / 600).toFixed(2)}/s), ${failed} failed (${share} %), median ${seconds(medianMs)}, p95 ${seconds(p95Ms)}</p>`;
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function tenantsTable({ tenants }: ConsoleNow): Html {
  const rows = tenants.map(({ tenant, used }) => [
    named(tenant),
    used?.requests ?? "not known",
    used === null ? "not known" : money(used.costUsd),
  ]);
  return table(
    "Since 00:00 UTC, of all calls whose cost is known.",
    ["Tenant", "Requests", "Cost"],
    rows,
    "No tenants are known.",
  );
}

export function failuresTable({ failures, nowMs }: ConsoleNow): Html {
  if (failures === null) return html`<p>What failed last is not known now.</p>`;
  const rows = failures.map(
    ({ atMs, tenant, provider, model, lane, reason, status, requestId, correlationId, queueId }) => [
      moment(atMs, nowMs),
      named(tenant),
      html`${provider} ${named(model)}`,
      html`${reason}${status === null ? "" : ` (status ${status})`}`,
      requestId === null ? "none" : named(requestId),
      queueId === null
        ? html`${lane === "test" ? "a trial" : "a live request"}, ${named(correlationId)}`
        : html`<a href="/console/tickets/${queueId}">a ticket</a>, ${named(correlationId)}`,
    ],
  );
  return table(
    "The latest calls to vendors that failed, newest first.",
    ["When", "Tenant", "Model", "Why", "Vendor's request id", "For, and its correlation id"],
    rows,
    "No call has failed lately.",
  );
}
