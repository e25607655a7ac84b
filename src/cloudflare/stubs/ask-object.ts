/** Calls to Durable Objects, as the ports want them: an answer, or `StoreAway`. */
import { inTime, wait } from "../../gateway/deadline.ts";
import { noAnswer, StoreAway } from "../../gateway/ports.ts";
import { timers } from "../clock.ts";

/** An object's methods, seen from outside. Written out because the platform's own type gives up on values that hold `unknown`. */
export type Remote<Instance> = {
  readonly [
    Verb in keyof Instance as Instance[Verb] extends (...given: never[]) => unknown ? Verb : never
  ]: Instance[Verb] extends (...given: infer Given) => infer Reply
    ? (...given: Given) => Promise<Awaited<Reply>>
    : never;
};

/** All tries together, in milliseconds. */
const patienceMs = 5_000;

/**
 * Asks one object for something that may be done twice. Tries again, each time on a fresh stub (a broken one stays broken), while the platform
 * says that it was its own fault; never where the object is overloaded.
 *
 * @throws {StoreAway} for every failure: whether it was done isn't known
 */
export async function askObject<Instance, Reply>(
  namespace: DurableObjectNamespace,
  name: string,
  verb: (object: Remote<Instance>) => Promise<Reply>,
  limitMs = patienceMs,
): Promise<Reply> {
  const endsAtMs = Date.now() + limitMs;
  for (let failed = 1; ; failed++) {
    try {
      const stub = namespace.get(namespace.idFromName(name)) as unknown as Remote<Instance>;
      return await inTimeOrThrow(endsAtMs - Date.now(), verb(stub));
    } catch (error) {
      const waitMs = 50 * 2 ** failed * (1 + Math.random());
      if (!isWorthRetrying(error) || Date.now() + waitMs >= endsAtMs) {
        throw new StoreAway("a Durable Object did not answer", { cause: error });
      }
      await wait(timers, waitMs);
    }
  }
}

/** @throws {Error} after the limit */
export async function inTimeOrThrow<Reply>(limitMs: number, work: Promise<Reply>): Promise<Reply> {
  const answer = await inTime(
    timers,
    limitMs,
    work.then((reply) => ({ reply })),
  );
  if (answer === undefined) throw new StoreAway("no answer in time", { trouble: noAnswer });
  return answer.reply;
}

/** The platform marks its own errors. What the object's code has thrown would be thrown again. */
function isWorthRetrying(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { retryable, overloaded, durableObjectReset } = error as Record<string, unknown>;
  return overloaded !== true && (retryable === true || durableObjectReset === true);
}
