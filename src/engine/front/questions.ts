/**
 * Calls that only the gate itself can let go: one asks for all that come meanwhile, and waits no longer than a live call can. What the gate
 * has given to a call that no longer waited is given back.
 */
import type { Whose } from "../../domain/gate/breaker.ts";
import type { CallReport } from "../../domain/gate/call-report.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";
import { inTime } from "../../gateway/deadline.ts";
import type { Clock } from "../../gateway/ports.ts";
import { awayMs, waitOfHere, type LastSnapshot } from "./last-snapshot.ts";
import { isUnderWay, lookFor, type Flight } from "./single-flight.ts";

export interface GateQuestionsParts {
  /** Asks the gate. Throws where it can't be reached. */
  readonly enter: (
    permit: string,
    whose: Whose,
  ) => Promise<{ readonly admission: Admission; readonly snapshot: Snapshot }>;
  readonly last: LastSnapshot;
  readonly report: (callReport: CallReport) => Promise<unknown>;
  readonly clock: Clock;
  /** Lets work that follows the answer finish. */
  readonly later: (work: Promise<unknown>) => void;
}

export interface GateQuestions {
  ask(permit: string, whose: Whose): Promise<Admission>;
  /** Waits for the answer to another call that is asking, and asks where that leaves it open. */
  askInTurn(permit: string, whose: Whose): Promise<Admission>;
  /** Was the call with this permit told that it is the probe, and has not been reported? */
  isProbe(permit: string): boolean;
  /** The call with this permit is over. */
  reported(permit: string | null): void;
}

/** The longest that a call waits for the gate, as if it were closed. */
const askMs = 300;
/** The longest where the gate is known not to be closed: without its word nobody is the probe. */
const askForTurnMs = 2_000;

export function createGateQuestions(parts: GateQuestionsParts): GateQuestions {
  const { last, clock, later } = parts;
  /** One call asks for all that come meanwhile. */
  let asking: Flight | null = null;
  /** When the gate last did not answer a call. */
  let awaySinceMs: number | null = null;
  /** The permit of the call that is the probe. */
  let turn: string | null = null;

  const isAway = (nowMs: number) => awaySinceMs !== null && Math.abs(nowMs - awaySinceMs) < awayMs;
  const patienceMs = () => (last.mayBeClosed() ? askMs : askForTurnMs);

  async function askInTurn(permit: string, whose: Whose): Promise<Admission> {
    const admission = await lookFor<Admission>(clock, patienceMs(), (leftMs) => {
      const nowMs = clock.monotonicMs();
      const known = last.answer(whose, nowMs);
      if (known !== null) return known;
      if (leftMs <= 0 || isAway(nowMs)) return last.guess(whose);
      return isUnderWay(asking, nowMs) ? undefined : ask(permit, whose);
    });
    return admission ?? last.guess(whose);
  }

  async function ask(permit: string, whose: Whose): Promise<Admission> {
    const limitMs = patienceMs();
    const flight: Flight = { sinceMs: clock.monotonicMs(), limitMs };
    asking = flight;
    const asked = parts.enter(permit, whose).then(
      ({ admission, snapshot }) => {
        last.keep(snapshot, flight.sinceMs);
        return waitOfHere(admission, snapshot.takenAtMs, clock);
      },
      () => null,
    );
    const admission = await inTime(clock, limitMs, asked);
    if (asking === flight) asking = null;
    if (admission) {
      if (admission.kind === "call" && admission.probe !== null) turn = permit;
      return admission;
    }
    awaySinceMs = clock.monotonicMs();
    const mayBeTurn = limitMs === askForTurnMs;
    if (admission === undefined) later(asked.then((late) => giveBack(late, permit, mayBeTurn)));
    return last.guess(whose);
  }

  /** The gate gave the turn to a call that no longer waited for it. Or has it? Where that isn't known, it does no harm to say so. */
  async function giveBack(late: Admission | null, permit: string, mayBeTurn: boolean): Promise<void> {
    if (late !== null) awaySinceMs = null;
    const isTurn = late === null ? mayBeTurn : late.kind === "call" && late.probe !== null;
    if (!isTurn) return;
    const epoch = late?.kind === "call" ? late.epoch : null;
    await parts.report({ permit, epoch, finding: { kind: "nothing" }, durationMs: null });
  }

  return {
    ask,
    askInTurn,
    isProbe: (permit) => permit === turn,
    reported(permit) {
      if (permit === turn) turn = null;
    },
  };
}
