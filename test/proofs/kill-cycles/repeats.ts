/** Calls that reach the provider twice and are one: on a connection that it had broken meanwhile, and once more on a fresh one. */
import type { Call } from "./evidence.ts";
import type { Limits } from "./excuses.ts";

/** So soon a used connection must break to be nobody's fault. */
const atOnceMs = 1_000;

/** The first of each two. @param made for one comparison, in their order */
export function madeOnceMore(made: readonly Call[], { timeoutMs }: Pick<Limits, "timeoutMs">): Call[] {
  return [...Map.groupBy(made, ({ process }) => process).values()].flatMap((calls) => {
    const first: Call[] = [];
    for (let at = 0; at + 1 < calls.length; at++) {
      const [call, next] = [calls[at], calls[at + 1]];
      if (call === undefined || next === undefined || !isOfOneAttempt(call, next, timeoutMs)) continue;
      first.push(call);
      // The second one's connection was fresh: what follows it is another attempt.
      at++;
    }
    return first;
  });
}

function isOfOneAttempt(call: Call, next: Call, timeoutMs: number): boolean {
  return (
    call.isBroken &&
    call.endedAtMs - call.receivedAtMs <= atOnceMs &&
    next.receivedAtMs <= call.receivedAtMs + timeoutMs
  );
}
