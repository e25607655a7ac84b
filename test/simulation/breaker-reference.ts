/** Who may call, as the contract says it: breaker, holds and credentials, followed from outside and held against what a gate does. */
import type { Breaker } from "../../src/domain/breaker.ts";
import type { Admission, GateCore } from "../../src/domain/gate.ts";
import type { Start, Starter } from "../../src/domain/gate-queue.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import type { Place, Seat } from "../../src/domain/places.ts";
import type { World } from "./world.ts";

type Broken = (promise: string, sentence: string, about?: string | null) => void;
type State = Breaker["state"];

const longestHoldMs = 900_000;

export function createBreakerReference({ plan, scheduler }: World, broken: Broken) {
  const { failureThreshold, successThreshold, recoveryMs, maxOpenMs } = plan.limits;
  const reports = new Set<string>();
  const holds = new Map<string, number>();
  let state: State = "closed";
  let faultsInRow = 0;
  let good = 0;
  let recent: { second: number; isFault: boolean }[] = [];

  /** How one call went, by the contract. @returns the probe's permit if it still has the turn */
  function take({ permit, epoch, finding }: Outcome, core: GateCore, probe: string | null): string | null {
    const nowMs = scheduler.nowMs();
    if (finding.kind === "rate_limited" && finding.holdMs !== null) {
      const untilMs = nowMs + Math.min(finding.holdMs, longestHoldMs);
      holds.set(finding.model, Math.max(untilMs, holds.get(finding.model) ?? 0));
    }
    const isNews = finding.kind === "fault" || finding.kind === "healthy";
    if (state === "closed") {
      if (!isNews || (epoch !== null && epoch !== core.breaker.epoch)) return probe;
      const isFault = finding.kind === "fault";
      faultsInRow = isFault ? faultsInRow + 1 : 0;
      const second = Math.floor(nowMs / 1000);
      recent = [...recent, { second, isFault }].filter((call) => call.second > second - 10);
      const faults = recent.filter((call) => call.isFault).length;
      if (faultsInRow >= failureThreshold || (recent.length >= 20 && faults * 2 >= recent.length))
        state = "open";
      return probe;
    }
    if (state !== "half_open" || permit === null || permit !== probe) return probe;
    if (finding.kind === "fault") state = "open";
    if (finding.kind === "healthy" && ++good >= successThreshold) close();
    return null;
  }

  function close(): void {
    state = "closed";
    faultsInRow = 0;
    recent = [];
  }

  /** A turn that was taken moves an open breaker on, in its time. */
  function moved(before: GateCore, after: GateCore, what: string, mayProbe: boolean): void {
    const from = before.breaker;
    const to = after.breaker.state;
    if (mayProbe && from.state === "open" && to === "half_open") {
      if (scheduler.nowMs() < from.probeFromMs) broken("8 breaker", `${what} before the open time is over`);
      state = "half_open";
      good = 0;
    }
    if (to !== state) broken("8 breaker", `${to} after ${what}, should be ${state}`);
  }

  function checkHold(model: string, about: string | null): void {
    if (scheduler.nowMs() < (holds.get(model) ?? 0))
      broken("rate limit", `a call for ${model}, which is held`, about);
  }

  /** Who has the turn of the probe now; `null`: nobody. */
  function prober({ breaker }: GateCore): string | null {
    return breaker.state === "half_open" && breaker.probe && scheduler.nowMs() < breaker.probe.endsAtMs
      ? breaker.probe.permit
      : null;
  }

  function asker({ credentials }: GateCore): string | null {
    return credentials?.asker && scheduler.nowMs() < credentials.asker.endsAtMs
      ? credentials.asker.permit
      : null;
  }

  return {
    entered(before: GateCore, after: GateCore, permit: string, model: string, admission: Admission): void {
      moved(before, after, "enter", true);
      if (admission.kind === "call") {
        checkHold(model, null);
        const holder = prober(before);
        if (state !== "closed" && admission.probe === null)
          broken("8 breaker", "a call past a breaker that isn't closed");
        if (admission.probe && holder !== null && holder !== permit)
          broken("8 breaker", "two probes at a time");
        if (admission.probe && prober(after) !== permit) broken("8 breaker", "a probe without a lease");
      } else if (admission.why === "breaker") {
        const isWaiting = before.breaker.state === "open" && scheduler.nowMs() < before.breaker.probeFromMs;
        if (!isWaiting && prober(before) === null)
          broken("8 breaker", "turned away, though it could be the probe");
      }
    },

    exchanged(before: GateCore, after: GateCore, reportId: string, outcomes: readonly Outcome[]): void {
      const isPlain = outcomes.every(({ finding }) => finding.kind === "healthy");
      if (isPlain || !reports.has(reportId)) {
        reports.add(reportId);
        const { breaker } = before;
        let probe = breaker.state === "half_open" ? (breaker.probe?.permit ?? null) : null;
        for (const outcome of outcomes) probe = take(outcome, before, probe);
      }
      moved(before, after, "exchange", false);
      const { breaker } = after;
      if (breaker.state === "open" && before.breaker !== breaker) {
        const openForMs = breaker.probeFromMs - scheduler.nowMs();
        if (openForMs < recoveryMs || openForMs > Math.max(recoveryMs, maxOpenMs))
          broken("8 breaker", `open for ${openForMs} ms`);
      }
      const kinds = outcomes.map(({ finding }) => finding.kind);
      if (before.credentials === null && after.credentials !== null && !kinds.includes("refused"))
        broken("credentials", "held though nobody refused them");
      if (before.credentials !== null && after.credentials === null && !kinds.includes("healthy"))
        broken("credentials", "free again though nobody took them");
    },

    started(
      before: GateCore,
      after: GateCore,
      { ticketId, model }: Seat,
      { permit }: Starter,
      start: Start,
    ): void {
      moved(before, after, "start", true);
      if (start.kind !== "call") return;
      checkHold(model, ticketId);
      const isSingle = state !== "closed" || after.credentials !== null;
      if (isSingle && !start.asProbe)
        broken("8 breaker", "a ticket's call past a breaker that isn't closed", ticketId);
      if (!isSingle && start.asProbe) broken("8 breaker", "a probe through a closed breaker", ticketId);
      for (const holder of [prober(before), asker(before)])
        if (holder !== null && holder !== ticketId && holder !== permit)
          broken("8 breaker", "two probes at a time", ticketId);
      if (state !== "closed" && prober(after) !== permit)
        broken("8 breaker", "a probe without a lease", ticketId);
    },

    dispatched(
      before: GateCore,
      after: GateCore,
      rows: ReadonlyMap<string, Place>,
      ids: readonly string[],
    ): void {
      moved(before, after, "dispatch", true);
      for (const id of ids) checkHold(rows.get(id)?.model ?? "", id);
      const isSingle = state !== "closed" || after.credentials !== null;
      if (!isSingle || ids.length === 0) return;
      if (ids.length > 1) broken("8 breaker", `${ids.length} probes are sent at once`);
      if (prober(before) !== null || asker(before) !== null)
        broken("8 breaker", "a probe is sent beside another");
      if (before.credentials !== null && scheduler.nowMs() < before.credentials.askFromMs)
        broken("credentials", "asked before its time");
    },

    unmoved(before: GateCore, after: GateCore, what: string): void {
      moved(before, after, what, false);
    },

    /** Counters that were not stored yet are lost with the object's memory. */
    restarted({ breaker, countedReports }: GateCore): void {
      reports.clear();
      for (const reportId of countedReports) reports.add(reportId);
      state = breaker.state;
      faultsInRow = breaker.state === "closed" ? breaker.faultsInRow : 0;
      good = breaker.state === "half_open" ? breaker.goodProbes : 0;
      recent =
        breaker.state === "closed"
          ? breaker.window.flatMap(({ second, calls, faults }) =>
              Array.from({ length: calls }, (_, call) => ({ second, isFault: call < faults })),
            )
          : [];
    },

    /** Only single tickets are sent now, as probes. */
    isProbing: (core: GateCore) => core.breaker.state !== "closed" || core.credentials !== null,

    /** May a ticket be sent now? */
    hasTurn(core: GateCore): boolean {
      const nowMs = scheduler.nowMs();
      const { breaker, credentials } = core;
      if (breaker.state === "open" && nowMs < breaker.probeFromMs) return false;
      if (credentials !== null && nowMs < credentials.askFromMs) return false;
      return prober(core) === null && asker(core) === null;
    },
  };
}
