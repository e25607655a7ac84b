/** An answer that waits for a ticket's end, if its caller wants that: `?wait=S`, or `Prefer: wait=S` (RFC 7240). */
import { isEnded, type Ticket, type TicketCopy } from "../domain/ticket/ticket.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { StoreAway, type Clock } from "../gateway/ports.ts";
import type { Ear, Live } from "../push/live.ts";
import type { Platform } from "./platform.ts";
import type { RouteContext } from "./route-context.ts";

export interface WaitParts {
  readonly gateway: Gateway;
  readonly live: Live;
  readonly clock: Clock;
  readonly platform: Platform;
}

/** Proxies commonly give up after a minute. */
const longestWaitSeconds = 30;
/** Where hints may be lost, it is looked again as often. */
const lookAgainMs = 15_000;

export interface Waited {
  /** As it is then; `null`: there is none. */
  readonly ticket: Ticket | TicketCopy | null;
  /** For an answer that has waited because its caller would prefer that. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The caller's own ticket: as it is now, or after a wait that ends with the ticket or its time. Where there is no room to wait, or the process
 * ends, it is answered as without.
 *
 * @param wait in seconds, as the address says; absent: it says nothing
 */
export async function findAwaited(
  c: RouteContext,
  queueId: string,
  wait: number | undefined,
  parts: WaitParts,
): Promise<Waited> {
  const { gateway, live, platform } = parts;
  const tenant = c.get("tenant") ?? "";
  const ticket = await gateway.find(queueId, tenant);
  const preferred = wait === undefined ? preferredWait(c.req.header("prefer")) : null;
  const seconds = wait ?? preferred ?? 0;
  if (seconds === 0 || ticket === null || isEnded(ticket.state)) return { ticket, headers: {} };
  const topic = { kind: "ticket", id: queueId, event: ticket.progress.events } as const;
  const ear = await live.listen(topic, tenant, "wait");
  if (ear === null) return { ticket, headers: {} };
  const unwatch = platform.onHangUp(c, ear.leave);
  const look = (): Promise<Ticket | TicketCopy | null> => gateway.find(queueId, tenant);
  const headers = preferred === null ? {} : { "preference-applied": `wait=${preferred}` };
  try {
    return {
      ticket: await lookUntil<Waited["ticket"]>(ticket, isOver, look, ear, parts, seconds * 1_000),
      headers,
    };
  } finally {
    unwatch();
    ear.leave();
  }
}

function isOver(ticket: Ticket | TicketCopy | null): boolean {
  return ticket === null || isEnded(ticket.state);
}

/**
 * Looks again whenever something may have happened, until there is what is waited for, the time is over, or nobody waits any more.
 *
 * @param first what was seen already
 * @returns what was seen last
 */
export async function lookUntil<Seen>(
  first: Seen,
  isThere: (seen: Seen) => boolean,
  look: () => Promise<Seen>,
  ear: Ear,
  { live, clock }: Pick<WaitParts, "live" | "clock">,
  waitMs: number,
): Promise<Seen> {
  const { looksInSilence } = live;
  const endsAtMs = clock.monotonicMs() + waitMs;
  let seen = first;
  while (!isThere(seen)) {
    const leftMs = endsAtMs - clock.monotonicMs();
    if (leftMs <= 0) break;
    const heard = await ear.next(looksInSilence ? Math.min(leftMs, lookAgainMs) : leftMs);
    if (heard === "left" || heard === "stopping") break;
    if (heard === "hint" || looksInSilence) seen = await orAsBefore(look, seen);
  }
  return seen;
}

/** A store that goes away meanwhile makes nothing worse than without the wait. */
async function orAsBefore<T>(look: () => Promise<T>, before: T): Promise<T> {
  return await look().catch((error: unknown) => {
    if (error instanceof StoreAway) return before;
    throw error;
  });
}

/** @returns `null`: no wait is preferred, or none that can be read, which is then no mistake (RFC 7240 2); more than the longest is the longest */
function preferredWait(header: string | undefined): number | null {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1];
  return seconds === undefined ? null : Math.min(Number(seconds), longestWaitSeconds);
}
