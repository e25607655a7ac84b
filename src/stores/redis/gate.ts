/** The gate of one provider in Redis, shared by all processes. `engine/front/front.ts` stands before it. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { Exchanged } from "../../domain/gate/report.ts";
import type { WaitEstimate, GateStatus } from "../../domain/gate/view.ts";
import type { Finding, CallReport } from "../../domain/gate/call-report.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";
import type { RemoteGate } from "../../engine/front/front.ts";
import type { ScriptRunner } from "./script-runner.ts";
import type { GateCall } from "./script/calls.ts";
import { encodeModel, decodeAdmission, decodeEstimate, decodeStatus, decodeSnapshot } from "./codec.ts";

/** Tickets are admitted, and turns are given, with the tickets: in the same runs of the script (`tickets.ts`). */
export interface RedisGate extends RemoteGate {
  /** This process has started: refused credentials may be new. */
  started(): Promise<void>;
}

/** Each verb is one round trip. @throws {StoreAway} from any of them: its outcome is unknown, and it can be repeated */
export function redisGate(script: ScriptRunner, provider: ProviderName): RedisGate {
  async function ask<Answer>(call: GateCall): Promise<Answer | null> {
    const [answer] = await script.atGate(provider, call);
    return answer === "" ? null : (JSON.parse(String(answer)) as Answer);
  }

  async function mustAnswer<Answer>(call: GateCall): Promise<Answer> {
    const answer = await ask<Answer>(call);
    if (answer === null) throw new Error(`The script had no answer to ${call.verb}`);
    return answer;
  }

  return {
    async enter(permit, { tenant, model }) {
      const call = { verb: "enter", permit, whose: { tenant, model: encodeModel(model) } } as const;
      const { admission, snapshot } = await mustAnswer<{ admission: Admission; snapshot: Snapshot }>(call);
      return { admission: decodeAdmission(admission), snapshot: decodeSnapshot(snapshot) };
    },

    async exchange(reportId, callReports) {
      const call = { verb: "exchange", reportId, callReports: callReports.map(encodeReport) } as const;
      return decodeSnapshot(await mustAnswer<Exchanged>(call));
    },

    estimate: async (ticketId) => decodeEstimate(await ask<WaitEstimate>({ verb: "outlook", ticketId })),
    status: async (tenant) =>
      decodeStatus(await mustAnswer<GateStatus>({ verb: "overview", tenant: tenant ?? null })),
    order: async (order) => decodeStatus(await mustAnswer<GateStatus>({ verb: "order", order })),

    started: async () => void (await script.atGate(provider, { verb: "started" })),
  };
}

function encodeReport(callReport: CallReport): CallReport {
  const { finding, call } = callReport;
  return {
    ...callReport,
    ...(call && { call: { ...call, model: encodeModel(call.model) } }),
    finding: encodeFinding(finding),
  };
}

function encodeFinding(finding: Finding): Finding {
  switch (finding.kind) {
    case "rate_limited":
      return { ...finding, model: encodeModel(finding.model) };
    case "refused":
      return finding.model === undefined ? finding : { ...finding, model: encodeModel(finding.model) };
    case "healthy":
    case "fault":
    case "nothing":
      return finding;
  }
}
