/**
 * What has happened lately, for an operator's page: the calls of the last ten minutes in slots of ten seconds, and the last calls that failed. The
 * calls are those of `llm_provider_attempt_duration_seconds`, with its buckets: what the page says of ten minutes is what a dashboard says of them.
 * Plain JSON: on Workers it is made of what isolates send, and stored.
 */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import type { TelemetryEvent } from "./events.ts";
import { countedFamilies } from "./metrics/families.ts";
import type { Difference } from "./metrics/sums.ts";

export interface Recent {
  /** Those in which there were calls, oldest first. */
  slots: Slot[];
  /** Oldest first, at most 200. */
  failures: FailedAttempt[];
}

/** Ten seconds. */
interface Slot {
  /** In tens of seconds since 1970. */
  readonly number: number;
  /** Calls by provider and how they ended, in the buckets of the histogram. */
  readonly counts: Record<string, number[]>;
}

/** Names in it are callers' and vendors': cut, and nothing else is known of them. */
export interface FailedAttempt {
  readonly atMs: number;
  readonly tenant: string;
  readonly provider: ProviderName;
  readonly model: string;
  readonly lane: "live" | "ticket" | "test";
  readonly reason: Failure["reason"];
  readonly status: number | null;
  readonly requestId: string | null;
  readonly correlationId: string;
  readonly queueId: string | null;
}

const family = "llm_provider_attempt_duration_seconds";
const edges = countedFamilies[family].buckets;
const slotMs = 10_000;
export const slotsKept = 60;
const failuresKept = 200;
const longestName = 200;

export function newRecent(): Recent {
  return { slots: [], failures: [] };
}

/** Of the process itself. */
export function noteEvent(recent: Recent, event: TelemetryEvent, nowMs: number): void {
  if (event.kind !== "attempt") return;
  const seconds = event.durationMs / 1000;
  const at = edges.findIndex((edge) => seconds <= edge);
  const counts = countsIn(recent, event.provider, event.failure === null ? "judged" : "failed", nowMs);
  const bucket = at < 0 ? edges.length : at;
  counts[bucket] = (counts[bucket] ?? 0) + 1;
  const failed = failedAttemptOf(event, nowMs);
  if (failed !== null) noteFailures(recent, [failed]);
}

/** What somebody else has counted, told now. */
export function noteDifferences(recent: Recent, differences: readonly Difference[], nowMs: number): void {
  for (const [name, [provider = "", , ended = ""], , added] of differences) {
    if (name !== family || added?.length !== edges.length + 1) continue;
    const counts = countsIn(recent, provider, ended, nowMs);
    for (const [bucket, count] of added.entries()) counts[bucket] = (counts[bucket] ?? 0) + count;
  }
}

export function noteFailures(recent: Recent, failures: readonly FailedAttempt[]): void {
  recent.failures.push(...failures);
  if (recent.failures.length > failuresKept) recent.failures.splice(0, recent.failures.length - failuresKept);
}

/** @returns `null`: no call has failed by it */
export function failedAttemptOf(event: TelemetryEvent, nowMs: number): FailedAttempt | null {
  if (event.kind !== "attempt" || event.failure === null) return null;
  const { tenant, provider, model, lane, failure, reply, correlationId, queueId } = event;
  return {
    atMs: nowMs,
    tenant,
    provider,
    model: model.slice(0, longestName),
    lane,
    reason: failure.reason,
    status: reply.status,
    requestId: reply.requestId?.slice(0, longestName) ?? null,
    correlationId,
    queueId,
  };
}

function countsIn({ slots }: Recent, provider: string, ended: string, nowMs: number): number[] {
  const number = Math.floor(nowMs / slotMs);
  let slot = slots.at(-1);
  if (slot?.number !== number) {
    slot = { number, counts: {} };
    slots.push(slot);
    // Of a clock that was set back too: none is later than now.
    const first = number - slotsKept;
    if (slots[0] !== slot)
      slots.splice(0, slots.length, ...slots.filter((old) => old.number > first && old.number <= number));
  }
  return (slot.counts[`${provider} ${ended}`] ??= edges.map(() => 0).concat(0));
}

/** Of one provider, in the last ten minutes. */
export interface RecentCalls {
  readonly calls: number;
  readonly failed: number;
  /** Median and 95th percentile, as `histogram_quantile` has them; `null`: there were no calls. */
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
  /** Calls of each slot, oldest first, the last one not over yet; and how many of them failed. */
  readonly perSlot: readonly { readonly calls: number; readonly failed: number }[];
}

export function recentCalls({ slots }: Recent, provider: ProviderName, nowMs: number): RecentCalls {
  const last = Math.floor(nowMs / slotMs);
  const all = edges.map(() => 0).concat(0);
  const perSlot = Array.from({ length: slotsKept }, () => ({ calls: 0, failed: 0 }));
  for (const { number, counts } of slots) {
    const slot = perSlot[slotsKept - 1 - (last - number)];
    if (slot === undefined) continue;
    for (const ended of ["judged", "failed"]) {
      for (const [bucket, count] of (counts[`${provider} ${ended}`] ?? []).entries()) {
        all[bucket] = (all[bucket] ?? 0) + count;
        slot.calls += count;
        if (ended === "failed") slot.failed += count;
      }
    }
  }
  const calls = sum(all);
  const failed = perSlot.reduce((total, slot) => total + slot.failed, 0);
  return {
    calls,
    failed,
    medianMs: quantileMs(all, calls, 0.5),
    p95Ms: quantileMs(all, calls, 0.95),
    perSlot,
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Within a bucket as if calls were spread evenly; above the last edge: that edge. */
function quantileMs(counts: readonly number[], calls: number, share: number): number | null {
  if (calls === 0) return null;
  const rank = share * calls;
  let upTo = 0;
  for (const [bucket, edge] of edges.entries()) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && upTo + count >= rank) {
      const from = edges[bucket - 1] ?? 0;
      return 1000 * (from + ((edge - from) * (rank - upTo)) / count);
    }
    upTo += count;
  }
  return 1000 * (edges.at(-1) ?? 0);
}
