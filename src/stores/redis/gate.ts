/** The gate of one provider in Redis, shared by all processes. `gateway/gate-front.ts` stands before it. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { Exchanged } from "../../domain/gate/report.ts";
import type { Outlook, Overview } from "../../domain/gate/view.ts";
import type { Finding, Outcome } from "../../domain/gate/outcome.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";
import type { RemoteGate } from "../../engine/front/front.ts";
import type { Caller } from "./script-runner.ts";
import type { GateCall } from "./script/calls.ts";
import { packModel, reviveAdmission, reviveOutlook, reviveOverview, reviveSnapshot } from "./codec.ts";

/** Tickets are admitted, and turns are given, with the tickets: in the same runs of the script (`tickets.ts`). */
export interface RedisGate extends RemoteGate {
  /** This process has started: refused credentials may be new. */
  started(): Promise<void>;
}

/** Each verb is one round trip. @throws {StoreAway} from any of them: its outcome is unknown, and it can be repeated */
export function redisGate(caller: Caller, provider: ProviderName): RedisGate {
  async function ask<Answer>(call: GateCall): Promise<Answer | null> {
    const [answer] = await caller.atGate(provider, call);
    return answer === "" ? null : (JSON.parse(String(answer)) as Answer);
  }

  async function mustAnswer<Answer>(call: GateCall): Promise<Answer> {
    const answer = await ask<Answer>(call);
    if (answer === null) throw new Error(`The script had no answer to ${call.verb}`);
    return answer;
  }

  return {
    async enter(permit, { tenant, model }) {
      const call = { verb: "enter", permit, whose: { tenant, model: packModel(model) } } as const;
      const { admission, snapshot } = await mustAnswer<{ admission: Admission; snapshot: Snapshot }>(call);
      return { admission: reviveAdmission(admission), snapshot: reviveSnapshot(snapshot) };
    },

    async exchange(reportId, outcomes) {
      const call = { verb: "exchange", reportId, outcomes: outcomes.map(packOutcome) } as const;
      return reviveSnapshot(await mustAnswer<Exchanged>(call));
    },

    outlook: async (ticketId) => reviveOutlook(await ask<Outlook>({ verb: "outlook", ticketId })),
    overview: async (tenant) =>
      reviveOverview(await mustAnswer<Overview>({ verb: "overview", tenant: tenant ?? null })),

    started: async () => void (await caller.atGate(provider, { verb: "started" })),
  };
}

function packOutcome(outcome: Outcome): Outcome {
  const { finding, call } = outcome;
  return {
    ...outcome,
    ...(call && { call: { ...call, model: packModel(call.model) } }),
    finding: packFinding(finding),
  };
}

function packFinding(finding: Finding): Finding {
  switch (finding.kind) {
    case "rate_limited":
      return { ...finding, model: packModel(finding.model) };
    case "refused":
      return finding.model === undefined ? finding : { ...finding, model: packModel(finding.model) };
    case "healthy":
    case "fault":
    case "nothing":
      return finding;
  }
}
