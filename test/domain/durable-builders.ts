/** A gate, tickets and their limits, small enough to count on one hand. */
import type { GateState, GateLimits } from "../../src/domain/gate/gate.ts";
import { newGate } from "../../src/domain/gate/gate.ts";
import type { CallReport } from "../../src/domain/gate/call-report.ts";
import type { Place, QueueItem } from "../../src/domain/gate/places.ts";
import type { About, Texts, TicketPolicy, TicketResult } from "../../src/domain/ticket/ticket.ts";
import { createGateKeeper } from "../../src/engine/gate-keeper.ts";
import { memoryPlaces } from "../../src/engine/memory-places.ts";

export const limits: GateLimits = {
  failureThreshold: 3,
  successThreshold: 2,
  recoveryMs: 10_000,
  maxOpenMs: 60_000,
  maxSize: 10,
  maxBytes: 1_000,
  highWatermark: 0.8,
  lowWatermark: 0.6,
  concurrency: 4,
  leaseMs: 75_000,
  retentionMs: 500_000,
};

export const healthy: CallReport = {
  permit: null,
  epoch: null,
  finding: { kind: "healthy" },
  durationMs: 100,
};
export const fault: CallReport = { ...healthy, finding: { kind: "fault" } };
export const refused: CallReport = { ...healthy, finding: { kind: "refused", why: "credentials_refused" } };
export const nothing: CallReport = { ...healthy, finding: { kind: "nothing" }, durationMs: null };

export function queueItem(ticketId: string, given: Partial<QueueItem> = {}): QueueItem {
  return {
    ticketId,
    priority: 0,
    acceptedAtMs: 0,
    sizeBytes: 10,
    model: "m",
    tenant: "",
    comparison: "",
    ...given,
  };
}

export function place(ticketId: string, given: Partial<Place> = {}): Place {
  return {
    ...queueItem(ticketId),
    standing: { state: "waiting" },
    notBeforeMs: 0,
    suspect: false,
    probes: 0,
    heardAtMs: 0,
    ...given,
  };
}

/** A gate over memory, whose state goes through JSON at every step and whose clock is set by the test. */
export function gateWorld(given: Partial<GateLimits> = {}) {
  let stored = JSON.stringify(newGate);
  const world = { nowMs: 0, random: 0, saves: 0 };
  const places = memoryPlaces();
  const all = { ...limits, ...given };
  const keeper = createGateKeeper({
    places,
    limits: all,
    readState: () => JSON.parse(stored) as GateState,
    writeState: (gate, mustLast) => {
      stored = JSON.stringify(gate);
      if (mustLast) world.saves++;
    },
    atomically: (work) => work(),
    nowMs: () => world.nowMs,
    random: () => world.random,
  });
  let reports = 0;
  return {
    world,
    places,
    keeper,
    limits: all,
    gate: () => JSON.parse(stored) as GateState,
    /** Keeps a ticket, if it is admitted. */
    keep: (ticketId: string, of: Partial<QueueItem> = {}) =>
      keeper.admit(queueItem(ticketId, of), world.nowMs).kind,
    begin(ticketId: string, permit: string, of: Partial<QueueItem> = {}, suspect = false) {
      return keeper.start(queueItem(ticketId, of), { permit, notBeforeMs: 0, suspect });
    },
    tell: (...callReports: CallReport[]) => keeper.exchange(`r${reports++}`, callReports),
  };
}

export const texts: Texts = { systemPrompt: "s", userPrompt: "u", essayA: "secret A", essayB: "secret B" };

export const about: Omit<About, "acceptedAtMs" | "expiresAtMs"> = {
  id: "t1",
  tenant: "school",
  provider: "openai",
  model: "m",
  parameters: { temperature: null, maxTokens: 4096, reasoningEffort: null },
  plan: { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] },
  promptSha256: "00",
  priority: 3,
  sizeBytes: 18,
  correlationId: "c",
  traceId: null,
  userId: null,
  metadata: { class: "4b" },
};

export const policy: TicketPolicy = {
  ttlMs: 100_000,
  maxAttempts: 4,
  leaseMs: 75_000,
  retentionMs: 500_000,
  recoveryMs: 10_000,
};

export const result: TicketResult = {
  judgement: { winner: "Essay B", justification: "Clearer.", confidence: 4, normalizations: [] },
  model: "m-2026",
  usage: null,
  durationMs: 800,
};
