/** Who is walking: every call, message and store verb knows which request or ticket it is made for, without anybody in `src` telling. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Others } from "../../../src/domain/gate/call-report.ts";
import type { JudgeRequest, Reply } from "../../../src/gateway/ports.ts";

export interface Walk {
  readonly kind: "request" | "work";
  /** `request 3`, or the ticket's id. */
  readonly name: string;
  readonly instance: string;
  /** Names tenant and key, where it has one. */
  key: string | null;
  /** Who asks; `null`: a ticket, which knows. */
  tenant: string | null;
  /** When it began. */
  readonly atMs: number;
  /** The id that it works for, or that its request was kept under. */
  ticketId: string | null;
  /** What is to be sent upstream for it, once that is known. */
  expected: Sent | null;
  /** The last leave to call that the gate gave, until it was reported on. */
  leave: Leave | null;
  /** Of the ticket, for this walk. */
  claim: { readonly fence: number; readonly asProbe: boolean } | null;
  /** How others fared, as the gate has answered the latest report; `null`: it has not. */
  others: Others | null;
  /** All that the gate gave it leave with. */
  readonly permits: string[];
  readonly calls: Call[];
}

export interface Leave {
  readonly permit: string;
  /** The turn of breaker, credentials or model is its own. */
  readonly isTurn: boolean;
  /** Its ticket's wait was ended before its time. */
  readonly isEarly: boolean;
  /** Calls of the walk before it. */
  readonly callsBefore: number;
}

/** What a provider gets to see of a call. */
export interface Sent extends Omit<JudgeRequest, "attempt"> {
  readonly provider: ProviderName;
}

/** One call that a provider saw. */
export interface Call {
  readonly number: number;
  readonly walk: Walk;
  readonly sent: Sent;
  readonly atMs: number;
  /** Its number among the walk's comparisons, as the gateway said. */
  readonly attempt: number;
  /** `null`: it is not over, or it threw. */
  reply: Reply | null;
  /** The adapter has thrown instead of an answer. */
  hasThrown: boolean;
  /** What the judge meant, where it gave a judgement; `null`: it gave none. */
  verdict: { readonly winner: "Essay A" | "Essay B"; readonly confidence: number } | null;
  /** Of the judgement: the one to whom it was handed out. */
  owner: string | null;
}

export const walks = new AsyncLocalStorage<Walk | undefined>();

export function newWalk(
  kind: Walk["kind"],
  name: string,
  instance: string,
  ticketId: string | null,
  atMs: number,
): Walk {
  return {
    kind,
    name,
    instance,
    key: null,
    tenant: null,
    atMs,
    ticketId,
    expected: null,
    leave: null,
    claim: null,
    others: null,
    permits: [],
    calls: [],
  };
}
