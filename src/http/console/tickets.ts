/** Tickets of all tenants: by which of them are looked for, and what is shown of each. No text of anybody. */
import { html } from "hono/html";
import { providerNames } from "../../domain/judging/comparison.ts";
import type { WaitEstimate } from "../../domain/gate/view.ts";
import { isEnded, type TicketCopy } from "../../domain/ticket/ticket.ts";
import type { TicketContext } from "../gate-views.ts";
import { problemOfTicket } from "../ticket-answers.ts";
import { counted, moment, money, named, span, table, type Html } from "./marks.ts";

export const statuses = ["queued", "processing", "completed", "failed", "expired", "cancelled"] as const;

/** As the address has it. */
export interface Filter {
  readonly tenant: string;
  readonly provider: string;
  /** `all`: any. */
  readonly status: string;
}

interface ListedTicket {
  readonly ticket: TicketCopy;
  readonly context: TicketContext;
}

export interface ListedTickets {
  readonly filter: Filter;
  /** `null`: they can't be asked for now. */
  readonly rows: readonly ListedTicket[] | null;
  /** It begins with the newest: it is the first page. */
  readonly isFromNewest: boolean;
  /** Others may be between them, which could not be asked for. */
  readonly isComplete: boolean;
  /** The address of the next page; `null`: there is none. */
  readonly nextUrl: string | null;
}

export function ticketsSection(
  { filter, rows, isComplete, nextUrl }: ListedTickets,
  tenants: readonly string[],
  nowMs: number,
): Html {
  return html`<form id="filter" action="/console#tickets"><label>Tenant <input name="tenant" list="tenants" value="${filter.tenant}"></label><datalist id="tenants">${tenants.map((tenant) => option(tenant, tenant, ""))}</datalist><label>Provider <select name="provider">${option("", "all", filter.provider)}${providerNames.map((name) => option(name, name, filter.provider))}</select></label><label>Status <select name="status">${statuses.map((status) => option(status, status, filter.status))}${option("all", "all", filter.status)}</select></label><button>Show</button></form> ${rows === null ? html`<p class="wrong">The tickets can't be asked for now.</p>` : ticketsTable(rows, filter, nowMs)}${isComplete ? "" : html`<p class="warn">There may be others: a store can't be asked now.</p>`}${nextUrl === null ? "" : html`<p><a href="${nextUrl}#tickets">Older tickets</a></p>`}`;
}

function ticketsTable(rows: readonly ListedTicket[], { status }: Filter, nowMs: number): Html {
  const cells = rows.map(({ ticket, context }) => {
    const { about } = ticket;
    return [
      html`<a href="/console/tickets/${about.id}">${named(about.id)}</a>`,
      named(about.tenant),
      html`${about.provider} ${named(about.model)}`,
      html`${ticket.state.status}, accepted ${moment(about.acceptedAtMs, nowMs)}`,
      callsOf(ticket),
      whyAndUntil(ticket, context, nowMs),
      spentOn(ticket),
      about.traceId === null ? "none" : named(about.traceId),
    ];
  });
  const caption = `${status === "all" ? "All" : `Those that are ${status}`}, newest first.`;
  return table(
    caption,
    ["Ticket", "Tenant", "Model", "Status", "Calls for it", "Why, and until when", "Cost so far", "Trace"],
    cells,
    "There are none.",
  );
}

/** Probes, and calls that failed by nobody's fault or the provider's, are not charged. */
export function callsOf({ progress }: TicketCopy): string {
  return `${counted(progress.spent.calls, "call")}, ${progress.attempts} charged`;
}

export function spentOn({ progress: { spent } }: TicketCopy): string {
  return spent.calls === 0 ? "no call yet" : money(spent.costUsd);
}

/** Why it waits, or how it ended. */
export function whyAndUntil(ticket: TicketCopy, context: TicketContext, nowMs: number): Html | string {
  const { about, state } = ticket;
  const why = problemOfTicket(ticket, context)?.sentence ?? "";
  if (isEnded(state)) return html`${why} Ended ${moment(state.endedAtMs, nowMs)}.`;
  if (state.status === "processing") return html`It is being asked now.`;
  const { estimate } = context;
  const sentence = why === "" ? "It waits for its turn." : why;
  return html`${sentence}${estimate === null ? "" : placeOf(estimate, nowMs)} It expires ${moment(about.expiresAtMs, nowMs)}.`;
}

function placeOf({ position, why, waitMs, opensAtMs }: WaitEstimate, nowMs: number): Html {
  // Nobody knows when an operator resumes.
  if (why === "paused") return html` Place ${position}, until somebody resumes it.`;
  if (waitMs !== null) return html` Place ${position}; its turn in about ${span(waitMs)}.`;
  return html` Place ${position}${opensAtMs > nowMs ? html`; asked again ${moment(opensAtMs, nowMs)}` : ""}.`;
}

function option(value: string, label: string, chosen: string): Html {
  return html`<option value="${value}" ${value === chosen ? "selected" : ""}>${label}</option>`;
}
