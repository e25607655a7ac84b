/** Looks at what an instance knows of a gate, and at what it makes of it. */
import type { Whose } from "../../../src/domain/gate/breaker.ts";
import type { Others, CallReport } from "../../../src/domain/gate/call-report.ts";
import type { Snapshot } from "../../../src/domain/gate/snapshot.ts";
import type { RemoteGate } from "../../../src/engine/front/front.ts";
import type { Clock, Gate } from "../../../src/gateway/ports.ts";
import { isAnothers } from "./outcomes-reference.ts";
import type { World } from "./world.ts";

export interface SnapshotWatch {
  seenBy(instance: string, clock: Clock, remote: RemoteGate): SeenGate;
}

interface SeenGate {
  /** The gate, its answers noted. */
  readonly remote: RemoteGate;
  /** The front, its answers held against what it can know. */
  behind(front: Gate): Gate;
}

/** By the contract, an isolate waits a moment for the gate's word; while it can't be had, it may go on without. */
const awayMs = 1_000;
/** Kept for a minute while the gate can't be reached, then told one batch after another. */
const longestNewsMs = 90_000;

export function watchSnapshots(world: World): SnapshotWatch {
  const { scheduler } = world;

  function seenBy(instance: string, clock: Clock, remote: RemoteGate): SeenGate {
    let newest: { readonly snapshot: Snapshot; readonly askedAtMs: number } | null = null;
    let awayAtMs = -Infinity;
    /** Permits for which the gate itself was asked; that it let in; from which it hasn't been heard. */
    const asked = new Set<string>();
    const granted = new Set<string>();
    const unanswered = new Set<string>();
    /** When each was reported, by its facts: what is told late is told in a copy that says so. */
    const heardAtMs = new WeakMap<object, number>();
    /** What the gate has said to each. */
    const othersOf = new WeakMap<object, Others>();

    function note(snapshot: Snapshot, askedAtMs: number): void {
      if (newest === null || askedAtMs >= newest.askedAtMs) newest = { snapshot, askedAtMs };
    }

    return {
      remote: {
        ...remote,
        async enter(permit, whose) {
          const askedAtMs = clock.nowMs();
          asked.add(permit);
          unanswered.add(permit);
          const answer = await remote.enter(permit, whose);
          unanswered.delete(permit);
          note(answer.snapshot, askedAtMs);
          if (answer.admission.kind === "call") granted.add(permit);
          return answer;
        },
        async exchange(reportId, callReports) {
          const ageMs = (callReport: CallReport) =>
            scheduler.nowMs() - (heardAtMs.get(nameOf(callReport)) ?? 0);
          const isOld = (callReport: CallReport) => ageMs(callReport) > longestNewsMs;
          const isTakenForNew = (callReport: CallReport) =>
            callReport.call !== undefined && (callReport.ageMs ?? 0) !== ageMs(callReport);
          if (callReports.some(isTakenForNew))
            world.violate("5 attempts", `${instance} tells late news as if new`);
          if (
            !world.plan.rates.has("pause") &&
            callReports.some((callReport) => isTrouble(callReport) && isOld(callReport))
          )
            world.violate("8 breaker", `${instance} tells old news`);
          const askedAtMs = clock.nowMs();
          const exchanged = await remote.exchange(reportId, callReports);
          const last = callReports.at(-1);
          if (last && exchanged.others) othersOf.set(nameOf(last), exchanged.others);
          note(exchanged, askedAtMs);
          return exchanged;
        },
      },
      behind: (front) => ({
        ...front,
        async report(callReport) {
          heardAtMs.set(nameOf(callReport), scheduler.nowMs());
          const others = await front.report(callReport);
          if (others !== null && others !== othersOf.get(nameOf(callReport)))
            world.violate("5 attempts", `${instance} says of others what the gate has not said`);
          return others;
        },
        async enter(permit, whose) {
          const admission = await front.enter(permit, whose);
          if (unanswered.has(permit)) awayAtMs = scheduler.nowMs();
          if (admission.kind !== "call" || granted.has(permit)) return admission;
          const nowMs = clock.nowMs();
          const isAway = scheduler.nowMs() - awayAtMs <= awayMs;
          const wrong = newest === null ? null : wrongIn(newest, whose, nowMs);
          if (wrong === "open")
            world.violate("8 breaker", `${instance} calls though it knows the breaker is open`);
          else if (!asked.has(permit) && !isAway && (newest === null || wrong !== null))
            world.violate("8 breaker", `${instance} calls on a snapshot that is ${wrong ?? "not there"}`);
          return admission;
        },
      }),
    };
  }

  return { seenBy };
}

function wrongIn(
  { snapshot, askedAtMs }: { readonly snapshot: Snapshot; readonly askedAtMs: number },
  { tenant, model }: Whose,
  nowMs: number,
): string | null {
  const ageMs = nowMs - askedAtMs;
  const theirNowMs = nowMs + snapshot.takenAtMs - askedAtMs;
  const isOld = ageMs < 0 || ageMs >= snapshot.usableForMs;
  const { blame = null } = snapshot;
  const isFree = isAnothers(blame, { tenant, model });
  if (snapshot.state === "open" && !isFree && !isOld && theirNowMs < (snapshot.probeFromMs ?? 0))
    return "open";
  if (isOld) return "too old";
  if (snapshot.state !== "closed" && !isFree) return snapshot.state;
  const isHeld = snapshot.holds.some(
    (hold) =>
      hold.model === model &&
      theirNowMs < hold.untilMs &&
      (hold.spares === undefined || tenant === "" || tenant === hold.tenant),
  );
  return isHeld ? "of a held model" : null;
}

function nameOf(callReport: CallReport): object {
  return callReport.call ?? callReport;
}

/** What makes a gate close something: heard late, it would do so for nothing. */
function isTrouble({ finding }: CallReport): boolean {
  return (
    finding.kind === "fault" ||
    finding.kind === "refused" ||
    (finding.kind === "rate_limited" && finding.holdMs !== null)
  );
}
