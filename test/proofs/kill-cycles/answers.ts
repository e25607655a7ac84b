/** What the service says, reduced to what is judged. */
import { setTimeout as pause } from "node:timers/promises";
import type { End, Look, TicketStatus } from "./evidence.ts";

export interface Reply {
  /** 0: there was no answer, and the text says why. */
  readonly httpStatus: number;
  readonly text: string;
  /** Empty where the text is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** How long any answer may take, on a busy machine too: after that it hangs. A request to the judge ends long before, by the service's own limit. */
const patienceMs = 60_000;

/** Never rejects. */
export async function ask(url: string, init: RequestInit = {}): Promise<Reply> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(patienceMs) });
    const text = await response.text();
    // In a kill of wrangler its proxy may live a little longer than the Worker behind it, and answer for it.
    if (!response.headers.has("x-correlation-id"))
      return { httpStatus: 0, text: `somebody else said ${response.status} ${text.slice(0, 80)}`, body: {} };
    return { httpStatus: response.status, text, body: objectIn(text) };
  } catch (error) {
    const { name, cause } = error as Error;
    return {
      httpStatus: 0,
      text: `${name} ${String((cause as { code?: unknown })?.code ?? cause)}`,
      body: {},
    };
  }
}

export async function look(origin: string, queueId: string): Promise<Look> {
  const reply = await ask(`${origin}/api/v1/status/${queueId}`);
  return { queueId, httpStatus: reply.httpStatus, ticket: ticketOf(reply) };
}

/** Status and result of a ticket; what can't be had is as if it were not there. A store that is away for a moment is asked again. */
export async function lookAtEnd(origin: string, queueId: string): Promise<End> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const end = await lookAtEndOnce(origin, queueId);
    const isAway = end.httpStatus === 503 || end.result.httpStatus === 503;
    if (!isAway || performance.now() > deadline) return end;
    await pause(200);
  }
}

async function lookAtEndOnce(origin: string, queueId: string): Promise<End> {
  const status = await look(origin, queueId);
  const reply = await ask(`${origin}/api/v1/results/${queueId}`);
  const metadata = Object(reply.body["metadata"]) as Record<string, unknown>;
  return {
    ...status,
    result: {
      httpStatus: reply.httpStatus,
      justification: textOrNull(reply.body["justification"]),
      attempts: numberOrNull(metadata["attempts"]),
      number: numberOrNull(metadata["number"]),
    },
  };
}

export function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function ticketOf({ httpStatus, body }: Reply): TicketStatus | null {
  if (httpStatus !== 200) return null;
  return {
    status: String(body["status"]),
    updatedAtMs: Date.parse(String(body["updated_at"])),
    expiresAtMs: Date.parse(String(body["expires_at"])),
    retryCount: numberOrNull(body["retry_count"]) ?? -1,
    errorType: textOrNull(body["error_type"]),
  };
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
