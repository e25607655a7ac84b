/** What a caller brings with a comparison, and what can come of it. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { CallWait } from "../domain/gate/pauses.ts";
import type { Callback } from "../domain/ticket/ticket.ts";
import type { ProcessingMode } from "../domain/judging/comparison.ts";
import type { RequestSpan } from "../telemetry/tracing/context.ts";
import type { Judged } from "./attempt.ts";
import type { Created } from "./ports.ts";
import type { Presented } from "./resolve.ts";

/** Who asks, and how it is to be dealt with. */
export interface Caller {
  readonly correlationId: string;
  readonly tenant: string;
  readonly mode: ProcessingMode;
  /** 0 to 10, of its ticket. */
  readonly priority: number;
  readonly userId: string | null;
  readonly traceId: string | null;
  /** Of its request; absent: nobody records it here. */
  readonly span?: RequestSpan | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The same as it was written, where that may differ. */
  readonly metadataText?: string;
  /** Where its ticket's end is to be told; absent: to its tenant's endpoints. */
  readonly callback?: Callback;
  /** Names of fields of the request that nobody reads. */
  readonly ignoredFields?: readonly string[];
  /** Of memory, that a live call for it holds (`domain/live.ts`); absent: not known. */
  readonly liveBytes?: number;
  /** The id that its ticket is to have; `null`: a new one. */
  readonly queueId: string | null;
  /** Runs `then` when the client goes away; the returned function ends the watch. `null`: the call outlives its client. */
  readonly onHangUp: ((then: () => void) => () => void) | null;
}

export type Submitted =
  | ({ readonly kind: "judged" } & LiveJudgement)
  /**
   * `estimate`: where the ticket stands; `null`: none can be made. `waitsFor`: what stood in the way of an answer; `null`: the caller asked for a
   * ticket.
   */
  | (Extract<Created, { kind: "kept" }> & { readonly waitsFor: Obstacle | null });

export interface LiveJudgement extends Judged, Omit<Presented, "frame"> {
  /** US dollars for every call whose usage is known; `null` where that is none, or the price is unknown. */
  readonly costUsd: number | null;
  /** Calls made for this judgement. */
  readonly attempts: number;
  /** What those calls took, in milliseconds. */
  readonly vendorMs: number;
  /** What those calls, the gate and the waits between them took. */
  readonly awayMs: number;
}

/** Why there is no judgement now, though the comparison is a good one. */
export type Obstacle =
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "gate"; readonly why: CallWait; readonly retryAtMs: number }
  /** This process makes as many live calls as it has room for. */
  | { readonly kind: "crowded" }
  /** This process ends, and its calls with it. */
  | { readonly kind: "stopping" };

/** Why nothing came of a comparison. */
export type WhyNot =
  | { readonly kind: "not_usable"; readonly usable: readonly ProviderName[] }
  | { readonly kind: "queue_full" }
  | { readonly kind: "store_away" }
  | Obstacle;

/** As a ticket's line in the log has it. @param waitsFor `null`: a ticket was asked for */
export function reasonToWait(waitsFor: Obstacle | null): string {
  switch (waitsFor?.kind) {
    case undefined:
      return "asked";
    case "failed":
      return waitsFor.failure.reason;
    case "gate":
      return waitsFor.why;
    case "crowded":
    case "stopping":
      return waitsFor.kind;
  }
}
