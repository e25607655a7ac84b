/** Time limits over calls and waits, and what else may end them. */
import type { AbortCause, Clock, Ports } from "./ports.ts";

/** A time limit over calls and waits. `end` cancels all that it holds. */
export interface Deadline {
  /** Its reason is an `AbortCause`. */
  readonly signal: AbortSignal;
  /** By the monotonic clock. */
  readonly atMs: number;
  end(): void;
}

/** @param onHangUp runs what it is given when the client goes away, and returns the end of that watch */
export type StartDeadline = (
  limitMs: number,
  onHangUp: ((then: () => void) => () => void) | null,
) => Deadline;

export function createDeadlines({ clock, stopping }: Pick<Ports, "clock" | "stopping">): StartDeadline {
  // One listener for all: adding and removing one for each request would cost more than everything else here.
  const running = new Set<AbortController>();
  stopping?.addEventListener("abort", () => {
    for (const controller of running) controller.abort("stopping" satisfies AbortCause);
  });

  return (limitMs, onHangUp) => {
    const controller = new AbortController();
    const abort = (cause: AbortCause) => controller.abort(cause);
    const cancelLimit = clock.after(limitMs, () => abort("timeout"));
    const cancelWatch = onHangUp?.(() => abort("hung_up"));
    if (stopping?.aborted) abort("stopping");
    else if (stopping) running.add(controller);
    return {
      signal: controller.signal,
      atMs: clock.monotonicMs() + limitMs,
      end() {
        cancelLimit();
        cancelWatch?.();
        running.delete(controller);
      },
    };
  };
}

/** @param signal ends the wait early when it aborts, or at once where it has aborted already */
export function wait(clock: Pick<Clock, "after">, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolved) => {
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolved();
    };
    const cancel = clock.after(delayMs, done);
    signal?.addEventListener("abort", done);
  });
}

/** @returns what the work brings; `undefined`: it has brought nothing in time. What the work throws in time is thrown */
export function inTime<Reply>(
  clock: Pick<Clock, "after">,
  limitMs: number,
  work: Promise<Reply>,
): Promise<Reply | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => resolve(undefined));
    work.finally(cancel).then(resolve, reject);
  });
}
