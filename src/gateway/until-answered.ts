/** Asking a store again that does not answer. */
import { backoffMs } from "../domain/retry.ts";
import { wait } from "./deadline.ts";
import { StoreAway, type Ports } from "./ports.ts";

/**
 * Asks again and again until the store has answered, or `untilMs` has come: a settle after its lease would be too late, for then another
 * worker calls again.
 *
 * @returns `null`: the store has not answered
 */
export async function untilAnswered<Reply>(
  { clock, random }: Pick<Ports, "clock" | "random">,
  ask: () => Promise<Reply>,
  untilMs: number,
): Promise<Reply | null> {
  for (let failed = 1; ; failed++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      const waitMs = backoffMs(failed, null, random());
      if (clock.nowMs() + waitMs >= untilMs) return null;
      await wait(clock, waitMs);
    }
  }
}
