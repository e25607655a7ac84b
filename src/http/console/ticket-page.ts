/** One ticket, whoever owns it: what is known of it but its texts, and what happened to it, in order. */
import { html } from "hono/html";
import { isEnded, type TicketCopy, type TicketEvent } from "../../domain/ticket/ticket.ts";
import type { TicketContext } from "../gate-views.ts";
import { moment, named, table, type Html } from "./marks.ts";
import { callsOf, spentOn, whyAndUntil } from "./tickets.ts";

export function ticketPage(
  ticket: TicketCopy,
  /** `null`: they can't be told now. */
  events: readonly TicketEvent[] | null,
  context: TicketContext,
  nowMs: number,
  mayAct: boolean,
): Html {
  const { about, state } = ticket;
  const rows: readonly (readonly [string, Html | string | number])[] = [
    ["Status", state.status],
    ["Why, and until when", whyAndUntil(ticket, context, nowMs)],
    ["Tenant", named(about.tenant)],
    ["Provider and model", html`${about.provider} ${named(about.model, 200)}`],
    ["Accepted", moment(about.acceptedAtMs, nowMs)],
    ["Expires", moment(about.expiresAtMs, nowMs)],
    ["Calls for it", callsOf(ticket)],
    ["Cost so far", spentOn(ticket)],
    ["Priority", about.priority],
    ["Size", `${about.sizeBytes} bytes`],
    ["Correlation id", named(about.correlationId)],
    ["Trace", about.traceId ?? "none"],
  ];
  const happened = (events ?? []).map((event) => [event.number, moment(event.atMs, nowMs), inWords(event)]);
  return html`<p><a href="/console">All providers and tickets</a></p><h1>Ticket ${about.id}</h1><dl>${rows.map(
    ([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`,
  )}</dl> ${
    mayAct && !isEnded(state)
      ? html`<form method="post" action="/console/tickets/${about.id}/cancel"><button id="cancel">Cancel this ticket</button></form>`
      : ""
  }<h2>What happened to it</h2>${table("In order.", ["Number", "When", "What"], happened, events === null ? "It can't be told now." : "Nothing is known of it.")}`;
}

function inWords(event: TicketEvent): string {
  switch (event.kind) {
    case "accepted":
      return "accepted";
    case "started":
      return event.asProbe ? "called for, to try the provider out" : "called for";
    case "returned":
      return `back in the queue: ${event.why.replaceAll("_", " ")}${event.reason === null ? "" : ` (${event.reason})`}`;
    case "failed":
      return `failed: ${event.reason}`;
    case "completed":
    case "expired":
      return event.kind;
    case "cancelled":
      return `cancelled by ${event.cancelledBy === "set" ? "its set" : `its ${event.cancelledBy}`}`.replace(
        "its operator",
        "an operator",
      );
  }
}
