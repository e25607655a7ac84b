/** Deliberate bugs in whose fault it is: who is charged, who is held, who is asked next, and what a throw leaves behind. */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { Others, CallReport } from "../../../src/domain/gate/call-report.ts";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import type { Bug } from "./bug.ts";
import { withGate, withKeeper, withMoves, withVendor } from "./bug.ts";
import { realParts } from "./seams.ts";

export const blameBugs: readonly Bug[] = [
  withOthers("a fault is charged though nobody else is served", (others) => ({ ...others, served: true })),
  withOthers("a fault is charged though the model fails everybody", (others) => ({
    ...others,
    mostlyFaults: false,
  })),
  withProgress("charges lie closer than a minute", (progress) => {
    const { chargedAtMs, ...rest } = progress;
    return chargedAtMs === undefined ? progress : rest;
  }),
  withProgress("the second answer without a judgement ends a ticket at once", (progress) =>
    progress.unreadableAtMs === undefined ? progress : { ...progress, unreadableAtMs: 0 },
  ),
  withProgress("429s that hold nobody else are counted closer than a minute", (progress) => {
    const { limitedAtMs, ...rest } = progress;
    return limitedAtMs === undefined ? progress : rest;
  }),
  withProgress("a ticket whose call threw is no suspect", (progress) =>
    progress.throws === undefined ? progress : { ...progress, suspect: false },
  ),
  withMoves("a ticket is called again at once, however often it has failed", ({ settle }) => ({
    settle(ticket, ...rest) {
      const { faults, timeouts, ...progress } = ticket.progress;
      return settle(faults || timeouts ? { ...ticket, progress } : ticket, ...rest);
    },
  })),
  withVendor("a proxy's page counts as an answer", ({ judge }) => ({
    async judge(request, signal) {
      const reply = await judge(request, signal);
      const { outcome } = reply;
      const isPage = !outcome.ok && outcome.error.reason === "unavailable" && outcome.error.fromBetween;
      return isPage
        ? { ...reply, outcome: { ok: false, error: { reason: "unreadable", why: "not_json" } } }
        : reply;
    },
  })),
  withVendor("a model's refusal is told as the account's", ({ judge }) => ({
    async judge(request, signal) {
      const reply = await judge(request, signal);
      const { outcome } = reply;
      return outcome.ok || outcome.error.reason !== "credentials_refused"
        ? reply
        : { ...reply, outcome: { ok: false, error: { reason: "credentials_refused", status: 403 } } };
    },
  })),
  withGate("an error of the vendor's closes the breaker", ({ report }) => ({
    report: (callReport) =>
      report(
        callReport.reason === "request_refused"
          ? { ...callReport, finding: { kind: "healthy" } }
          : callReport,
      ),
  })),
  withGate("a throw keeps its permit", ({ report }) => ({
    report: (callReport) =>
      callReport.call?.ticket !== undefined && callReport.durationMs === null
        ? Promise.resolve(null)
        : report(callReport),
  })),
  withMoves("a throw keeps its ticket", ({ settle }) => ({
    settle(ticket, fence, outcome, ...rest) {
      if (outcome.kind !== "failed" || outcome.threw !== true) return settle(ticket, fence, outcome, ...rest);
      return { ticket, events: [], reply: { kind: "stored" } };
    },
  })),
  withGate("a call that was given back keeps its turn", ({ report }) => ({
    report: (callReport) =>
      callReport.finding.kind === "nothing" ? report({ ...callReport, permit: null }) : report(callReport),
  })),
  withOutcomes("a 429 holds its model though others are served", (callReport) => {
    const { call, ...rest } = callReport;
    return callReport.finding.kind === "rate_limited" && call ? rest : callReport;
  }),
  withOutcomes("a model's refusal holds the account", (callReport) => {
    const { finding } = callReport;
    return finding.kind === "refused"
      ? { ...callReport, finding: { kind: "refused", why: finding.why } }
      : callReport;
  }),
  withOutcomes("an answer to a call from before frees the account", (callReport) =>
    callReport.call ? { ...callReport, call: { ...callReport.call, beganAgoMs: 0 } } : callReport,
  ),
  withOutcomes("one tenant's faults open the breaker for all", (callReport) =>
    callReport.call ? { ...callReport, call: { ...callReport.call, tenant: "" } } : callReport,
  ),
  withOutcomes("the ninth hold of a tenant is made", (callReport) =>
    callReport.call && callReport.finding.kind === "refused"
      ? { ...callReport, call: { ...callReport.call, tenant: callReport.call.comparison } }
      : callReport,
  ),
  {
    name: "what is told late is taken for new",
    plant: () => ({
      ...realParts,
      createGateFront: (parts) =>
        realParts.createGateFront({
          ...parts,
          remote: {
            ...parts.remote,
            exchange: (reportId, callReports) =>
              parts.remote.exchange(
                reportId,
                callReports.map((callReport) =>
                  callReport.ageMs === undefined ? callReport : { ...callReport, ageMs: 0 },
                ),
              ),
          },
        }),
    }),
  },
  withState("one tenant's faults keep everybody out of an open breaker", ({ breaker, ...state }) => {
    if (breaker.state === "closed") return { ...state, breaker };
    const { blame, others, doubt, ...all } = breaker;
    return { ...state, breaker: (blame ?? others ?? doubt) ? all : breaker };
  }),
  withState("a breaker that is open for one never opens for others", ({ breaker, ...state }) => ({
    ...state,
    breaker:
      breaker.state === "closed" || breaker.others === undefined
        ? breaker
        : { ...breaker, others: { faultsInRow: 0 } },
  })),
  withState("one tenant's hold of a model holds everybody", (state) => ({
    ...state,
    holds: state.holds.map((hold) => {
      const { spares, ...all } = hold;
      return spares === undefined ? hold : all;
    }),
  })),
  withState("probes always take the same tenant's tickets", (state) => ({ ...state, probed: [] })),
  withState("after a hold the refused comparison is the first", (state) => ({
    ...state,
    holds: state.holds.map((hold) => ({ ...hold, tenant: "nobody", comparison: "none" })),
  })),
  withState("after a hold all tickets of the model go at once", (state) => ({
    ...state,
    holds: state.holds.map((hold) =>
      hold.ramp === undefined ? hold : { ...hold, ramp: { allowed: 1_000, good: 0 } },
    ),
  })),
  {
    name: "waits don't end when the breaker closes",
    plant: () => ({ ...realParts, memoryPlaces: () => ({ ...memoryPlaces(), endWaits() {} }) }),
  },
  {
    name: "a start before its time is not believed",
    plant: () => ({
      ...realParts,
      moves: {
        ...realParts.moves,
        claim: (ticket, permit, asProbe, nowMs, policy) =>
          realParts.moves.claim(ticket, permit, asProbe, nowMs, policy),
      },
    }),
  },
];

function withOthers(name: string, spoil: (others: Others) => Others): Bug {
  return withGate(name, ({ report }) => ({
    async report(callReport) {
      const others = await report(callReport);
      return others && spoil(others);
    },
  }));
}

/** What a gate hears. */
function withOutcomes(name: string, spoil: (callReport: CallReport) => CallReport): Bug {
  return withKeeper(name, ({ exchange }) => ({
    exchange: (reportId, callReports) => exchange(reportId, callReports.map(spoil)),
  }));
}

/** What a gate remembers. */
function withState(name: string, spoil: (state: GateState) => GateState): Bug {
  return {
    name,
    plant: () => ({
      ...realParts,
      createGateKeeper: (parts) =>
        realParts.createGateKeeper({ ...parts, readState: () => spoil(parts.readState()) }),
    }),
  };
}

/** What a ticket remembers of its calls. */
function withProgress(name: string, spoil: (progress: Ticket["progress"]) => Ticket["progress"]): Bug {
  return withMoves(name, ({ settle }) => ({
    settle(...given) {
      const moved = settle(...given);
      return { ...moved, ticket: { ...moved.ticket, progress: spoil(moved.ticket.progress) } };
    },
  }));
}
