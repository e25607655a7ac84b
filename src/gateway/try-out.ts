/** A provider tried out: one attempt past breaker and queue, but not past an operator's pause. */
import { err, type Result } from "../domain/result.ts";
import { haltedMs } from "../domain/gate/halt.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import { attempt, newCallTally, type Judged } from "./attempt.ts";
import type { Flow } from "./flow.ts";
import { prepare, resolve, type Asked } from "./resolve.ts";
import { StoreAway, type Gate } from "./ports.ts";
import type { Caller, WhyNot } from "./submission.ts";

/** Who tries a provider out. */
export type Tester = Pick<Caller, "correlationId" | "tenant" | "traceId" | "span" | "onHangUp">;

export async function tryOut(
  { ports, policy, startDeadline, roomOf }: Flow,
  asked: Asked,
  whom: Tester,
): Promise<Result<Judged, WhyNot & { readonly provider: ProviderName }>> {
  const comparison = resolve(asked, policy.defaults);
  const name = comparison.provider;
  const provider = ports.providers.get(name);
  if (!provider) return err({ kind: "not_usable", usable: [...ports.providers.keys()], provider: name });
  if (await isHalted(ports.gate(name))) {
    return err({ kind: "gate", why: "paused", retryAtMs: ports.clock.nowMs() + haltedMs, provider: name });
  }
  const stay = roomOf(name).enter(whom.tenant, 0);
  if (stay === null) return err({ kind: "crowded", provider: name });
  const deadline = startDeadline(policy.requestTimeoutMs, whom.onHangUp);
  try {
    const prepared = await prepare(comparison, asked.order, provider, ports, deadline.signal);
    const { correlationId, tenant, span: parent = null } = whom;
    const traceId = parent?.traceId ?? whom.traceId;
    const who = { correlationId, tenant, traceId, parent };
    const purpose = { ...who, lane: "test", queueId: null, retryOf: null } as const;
    const answer = await attempt(
      ports,
      { provider, prepared, purpose, tally: newCallTally() },
      deadline.signal,
    );
    return answer.ok ? answer : err({ kind: "failed", failure: answer.error, provider: name });
  } finally {
    stay.leave();
    deadline.end();
  }
}

/** Where the gate can't be asked, a provider can still be tried out. */
async function isHalted(gate: Pick<Gate, "status">): Promise<boolean> {
  try {
    return (await gate.status()).halt !== undefined;
  } catch (error) {
    if (error instanceof StoreAway) return false;
    throw error;
  }
}
