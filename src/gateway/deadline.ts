/** Time limits over calls and waits, and what else may end them. */
import type { AbortCause, Clock, Ports } from "./ports.ts";

/** A time limit over calls and waits. `end` cancels all that it holds. */
export interface Deadline {
  /** Its reason is an `AbortCause`. */
  readonly signal: AbortSignal;
  readonly atMs: number;
  end(): void;
}

/** @param onHangUp runs what it is given when the client goes away, and returns the end of that watch */
export function startDeadline(
  { clock, stopping }: Pick<Ports, "clock" | "stopping">,
  limitMs: number,
  onHangUp: ((then: () => void) => () => void) | null,
): Deadline {
  const controller = new AbortController();
  const abort = (cause: AbortCause) => controller.abort(cause);
  const stop = () => abort("stopping");
  const cancelLimit = clock.after(limitMs, () => abort("timeout"));
  const cancelWatch = onHangUp?.(() => abort("hung_up"));
  if (stopping?.aborted) stop();
  else stopping?.addEventListener("abort", stop);
  return {
    signal: controller.signal,
    atMs: clock.nowMs() + limitMs,
    end() {
      cancelLimit();
      cancelWatch?.();
      stopping?.removeEventListener("abort", stop);
    },
  };
}

/** Ends early when the signal aborts. */
export function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolved) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolved();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done);
  });
}
