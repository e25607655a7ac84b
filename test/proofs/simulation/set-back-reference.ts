/**
 * What a clock that was set back does to what is stored of a gate, as the decision says it (2026-11-30-clocks): "all moments lie as much earlier
 * from then on: what had five seconds left has five seconds left." And what holds however it was set: no moment is further away than its own
 * longest. How long it is since a thing was stored nobody can know but by the clock; so what it waited for already, it may wait for once more.
 */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { Place } from "../../../src/domain/gate/places.ts";
import type { Heard } from "./heard-calls.ts";
import type { HoldsKnown } from "./held.ts";
import type { Known } from "./outcomes-reference.ts";
import type { World } from "./world.ts";

/** Less is no matter. */
const slackMs = 1_000;

/** How far the gate's clock is behind what it has seen. */
export function setBackMs({ seenMs = 0 }: GateState, nowMs: number): number {
  return seenMs - nowMs < slackMs ? 0 : seenMs - nowMs;
}

/** State or places, all that is a moment so much earlier; but when a ticket was accepted, which names the acceptance. */
export function earlier<Value>(value: Value, byMs: number): Value {
  if (Array.isArray(value)) return value.map((item: unknown) => earlier(item, byMs)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) =>
      typeof inner === "number" && moments.has(name)
        ? [name, Math.max(0, inner - byMs)]
        : [name, earlier(inner, byMs)],
    ),
  ) as Value;
}

const moments: ReadonlySet<string> = new Set([
  ...(["probeFromMs", "endsAtMs", "untilMs", "askFromMs", "sinceMs", "nextAtMs", "atMs"] as const),
  ...(["waitsEndedMs", "seenMs", "notBeforeMs", "heardAtMs", "probes"] as const),
]);

/** What is followed of the gate, likewise. Calls of the last ten seconds count no more, but for how many in a row were faults. */
export function knownEarlier(known: Known, byMs: number): Known {
  const { holds, others, heard } = known;
  const back = (atMs: number) => Math.max(0, atMs - byMs);
  const long: readonly Heard[] = heard.map((call) => ({ ...call, atMs: 0 }));
  return {
    ...known,
    heard: long,
    holds: holdsEarlier(holds, byMs),
    others: {
      models: new Map(
        [...others.models].map(([model, history]) => [
          model,
          {
            ...history,
            answers: history.answers.map((answer) => ({ ...answer, atMs: back(answer.atMs) })),
            judgedAtMs: history.judgedAtMs === null ? null : back(history.judgedAtMs),
          },
        ]),
      ),
      cleanEnds: others.cleanEnds.map((end) => ({ ...end, atMs: back(end.atMs) })),
    },
  };
}

function holdsEarlier({ models, account }: HoldsKnown, byMs: number): HoldsKnown {
  return {
    models: new Map(
      [...models].map(([model, hold]) => [
        model,
        {
          ...hold,
          untilMs: hold.untilMs - byMs,
          ...(hold.askedUntilMs ? { askedUntilMs: hold.askedUntilMs - byMs } : {}),
        },
      ]),
    ),
    account: account && {
      ...account,
      sinceMs: account.sinceMs - byMs,
      askFromMs: account.askFromMs - byMs,
    },
  };
}

/** The longest that a ticket, or a model, waits by anybody's word. */
const longestWaitMs = 900_000;
const dispatchMs = 30_000;

/** @returns what of a gate is further away than it can be; `null`: nothing */
export function outOfReach(
  { plan }: Pick<World, "plan">,
  { breaker, holds, credentials, paces, seenMs = 0 }: GateState,
  rows: Iterable<Place>,
  nowMs: number,
): string | null {
  const { recoveryMs, maxOpenMs, leaseMs } = plan.limits;
  const wrong: string[] = [];
  function check(what: string, atMs: number | undefined, longestMs: number): void {
    if (atMs !== undefined && atMs > nowMs + longestMs + slackMs)
      wrong.push(`${what} is ${atMs - nowMs} ms away, and never more than ${longestMs}`);
  }
  const longestHoldMs = Math.max(longestWaitMs, recoveryMs, maxOpenMs);
  if (breaker.state === "open") check("the probe", breaker.probeFromMs, Math.max(recoveryMs, maxOpenMs));
  if (breaker.state === "half_open")
    check("a probe's end", breaker.probe?.endsAtMs, Math.max(leaseMs, dispatchMs));
  for (const { model, untilMs, asker } of holds) {
    check(`the end of what holds ${model}`, untilMs, longestHoldMs);
    check(`the ask of ${model}`, asker?.endsAtMs, Math.max(leaseMs, dispatchMs));
  }
  check("the account's ask", credentials?.askFromMs, longestHoldMs);
  for (const { model, nextAtMs, everyMs } of paces) check(`the next of ${model}`, nextAtMs, everyMs);
  check("what it has seen", seenMs, 0);
  for (const { ticketId, standing, notBeforeMs, heardAtMs } of rows) {
    const short = ticketId.slice(0, 8);
    if (standing.state === "dispatched") check(`${short}'s sending`, standing.untilMs, dispatchMs);
    if (standing.state === "running") check(`${short}'s lease`, standing.untilMs, leaseMs);
    check(`${short}'s wait`, notBeforeMs, longestWaitMs);
    check(`${short}'s last word`, heardAtMs, 0);
  }
  return wrong[0] ?? null;
}
