/** What an answer says, for the count. */
import * as z from "zod";

/** How a comparison was answered. */
export type Outcome =
  | { readonly kind: "judged"; readonly provider: string }
  | {
      readonly kind: "kept";
      readonly provider: string;
      readonly resultsUrl: string;
      readonly retryAfterSeconds: number;
    }
  | { readonly kind: "failed"; readonly what: string };

const judgement = z.object({ winner: z.enum(["Essay A", "Essay B"]), provider: z.string() });
const ticket = z.object({ provider: z.string(), results_url: z.string(), retry_after: z.number() });
const refusal = z.object({ error_type: z.string().regex(/^[A-Z_]{1,40}$/) });

export function outcomeOf(status: number, text: string): Outcome {
  const body = jsonOf(text);
  if (status === 200) {
    const read = judgement.safeParse(body);
    return read.success
      ? { kind: "judged", provider: read.data.provider }
      : { kind: "failed", what: "200 without a judgement" };
  }
  if (status === 202) {
    const read = ticket.safeParse(body);
    if (!read.success) return { kind: "failed", what: "202 without a ticket" };
    const { provider, results_url, retry_after } = read.data;
    return { kind: "kept", provider, resultsUrl: results_url, retryAfterSeconds: retry_after };
  }
  return { kind: "failed", what: refusalIn(status, body) };
}

/** What became of a ticket. */
export type TicketEnd =
  | { readonly kind: "judged"; readonly waitedMs: number; readonly atMs: number }
  | { readonly kind: "failed"; readonly what: string }
  /** It was not over when nobody followed it any more. */
  | { readonly kind: "unended" };

const result = z.object({
  winner: z.enum(["Essay A", "Essay B"]),
  queued_at: z.iso.datetime(),
  completed_at: z.iso.datetime(),
});
const pending = z.object({ retry_after: z.number() });

/** @returns how a ticket ended, or in how many seconds it may be asked after again */
export function ticketEndOf(
  status: number,
  text: string,
): Exclude<TicketEnd, { kind: "unended" }> | { readonly kind: "waits"; readonly seconds: number } {
  const body = jsonOf(text);
  const seconds = pending.safeParse(body).data?.retry_after ?? 1;
  if (status === 200) {
    const read = result.safeParse(body);
    if (!read.success) return { kind: "failed", what: "a ticket's result without a judgement" };
    const atMs = Date.parse(read.data.completed_at);
    return { kind: "judged", waitedMs: atMs - Date.parse(read.data.queued_at), atMs };
  }
  // Accepted and unknown would be a broken promise; asked too often, or a store that is away, is no end.
  if (status === 202 || status === 429 || status === 503) return { kind: "waits", seconds };
  return { kind: "failed", what: `a ticket: ${refusalIn(status, body)}` };
}

function refusalIn(status: number, body: unknown): string {
  const read = refusal.safeParse(body);
  return read.success ? `${status} ${read.data.error_type}` : `${status}, not by the service`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
