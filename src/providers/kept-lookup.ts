/** What a vendor is asked beside judgements: seldom, for a short time at most, and with answers that are kept. */
import type { Clock } from "../gateway/ports.ts";
import type { Transport } from "./transport.ts";

const keptForMs = 60 * 60_000;
const failureKeptForMs = 30_000;
const lookupLimitMs = 3_000;
/** Callers name models freely: without a bound they could fill the memory. */
const mostKept = 500;
const maxAnswerBytes = 1_048_576;

/** How one thing is looked up by its name. */
export interface Question<Found> {
  readonly headers: Readonly<Record<string, string>>;
  /** @returns `null` for a name by which nothing can be asked */
  urlOf(name: string): string | null;
  /** @returns `null` where the answer's text says nothing that can be used */
  read(text: string): Found | null;
}

/**
 * Looks things up, each at most 3 s long, and keeps them for an hour; a failure for 30 s, in which an older answer still counts. Kept are plain
 * values, never a promise: in a Worker one request cannot wait for another's.
 *
 * @returns a function that answers at once where it can; `null` where the thing is not known
 */
export function keptLookup<Found extends object>(
  { headers, urlOf, read }: Question<Found>,
  { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
): (name: string, signal: AbortSignal) => Found | null | Promise<Found | null> {
  const kept = new Map<string, { readonly found: Found | null; readonly untilMs: number }>();

  function keep(name: string, found: Found | null, forMs: number): void {
    kept.delete(name);
    const [oldest] = kept.keys();
    if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
    kept.set(name, { found, untilMs: clock.monotonicMs() + forMs });
  }

  async function ask(url: string, signal: AbortSignal): Promise<Found | null> {
    const limit = new AbortController();
    const stop = () => limit.abort("timeout");
    const cancel = clock.after(lookupLimitMs, stop);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const request = { method: "GET", url, headers, body: null, maxAnswerBytes } as const;
      const sent = await transport(request, limit.signal);
      return sent.ok && sent.value.status === 200 ? read(sent.value.text) : null;
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
    }
  }

  async function renew(name: string, url: string, signal: AbortSignal, old: Found | null) {
    // Whoever comes meanwhile goes on with the old answer instead of asking too.
    if (old !== null) keep(name, old, failureKeptForMs);
    const found = await ask(url, signal);
    if (found !== null) keep(name, found, keptForMs);
    // A client that went away says nothing about the vendor.
    else if (!signal.aborted) keep(name, old, failureKeptForMs);
    return found ?? old;
  }

  return (name, signal) => {
    const known = kept.get(name);
    if (known !== undefined && clock.monotonicMs() < known.untilMs) return known.found;
    const old = known?.found ?? null;
    const url = signal.aborted ? null : urlOf(name);
    return url === null ? old : renew(name, url, signal, old);
  };
}
