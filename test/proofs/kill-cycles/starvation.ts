/** How much of the CPU that a process wanted it did not get. Pure: what was read of the system's own books goes in. */

/** One reading of one thread. Times but `atMs` are sums since it began. */
export interface CpuReading {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly ranMs: number;
  /** It could have run and had no CPU. A wait is booked when it is over. */
  readonly waitedMs: number;
  /** At this moment it runs, or waits for a CPU. */
  readonly isRunnable: boolean;
}

/** Between two readings. */
export interface CpuSpan {
  /** Which of the service's processes, as in a `Kill`. */
  readonly process: number;
  /** The system's number: a service may consist of several. */
  readonly pid: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly ranMs: number;
  readonly waitedMs: number;
}

/** Above this share of a time its process had no say in what was done in it. */
const most = 1 / 2;

/** @param readings of one thread, in their order */
export function spansOf(process: number, pid: number, readings: readonly CpuReading[]): CpuSpan[] {
  const spans: CpuSpan[] = [];
  // Booked at its end, a wait that is longer than its span began before it.
  let isLast = true;
  let beforeMs = 0;
  for (let at = readings.length - 1; at > 0; at--) {
    const [from, to] = [readings[at - 1], readings[at]];
    if (from === undefined || to === undefined) continue;
    const tookMs = to.atMs - from.atMs;
    const ranMs = to.ranMs - from.ranMs;
    const bookedMs = to.waitedMs - from.waitedMs;
    // A wait that is not over, in the last spans before the end: it could run all along, and nothing has moved.
    isLast &&= from.isRunnable && to.isRunnable && ranMs === 0 && bookedMs === 0;
    const dueMs = isLast ? tookMs : bookedMs + beforeMs;
    const waitedMs = Math.min(dueMs, Math.max(0, tookMs - ranMs));
    beforeMs = dueMs - waitedMs;
    spans.unshift({ process, pid, fromMs: from.atMs, toMs: to.atMs, ranMs, waitedMs });
  }
  return spans;
}

/** Of what the process wanted in all this time. `null`: nothing was read, or it wanted nothing. */
function shareNotGiven(spans: readonly CpuSpan[]): number | null {
  const sum = (of: (span: CpuSpan) => number) => spans.reduce((all, span) => all + of(span), 0);
  const waitedMs = sum((span) => span.waitedMs);
  const wantedMs = waitedMs + sum((span) => span.ranMs);
  return wantedMs > 0 ? waitedMs / wantedMs : null;
}

/**
 * Did the process wait for a CPU for most of this time? Where it consists of several, one of them that waits holds up the others.
 * Where nothing was read (no Linux) it did not, as far as is known.
 */
export function starvedIn(
  spans: readonly CpuSpan[],
): (process: number, fromMs: number, toMs: number) => boolean {
  const waited = waitedIn(spans);
  return (process, fromMs, toMs) => fromMs < toMs && waited(process, fromMs, toMs) > (toMs - fromMs) * most;
}

/** For how long the process waited for a CPU in this time, in milliseconds: of several it consists of, the one that waited longest. */
export function waitedIn(
  spans: readonly CpuSpan[],
): (process: number, fromMs: number, toMs: number) => number {
  const byPid = Map.groupBy(spans, ({ process, pid }) => `${process}/${pid}`);
  return (process, fromMs, toMs) =>
    Math.max(
      0,
      ...[...byPid.values()]
        .filter((own) => own[0]?.process === process)
        .map((own) => waitedMs(own, fromMs, toMs)),
    );
}

/** A span that lies in this time in part counts by its part. */
function waitedMs(spans: readonly CpuSpan[], fromMs: number, toMs: number): number {
  return spans.reduce((sum, span) => {
    const withinMs = Math.min(toMs, span.toMs) - Math.max(fromMs, span.fromMs);
    return withinMs <= 0 ? sum : sum + span.waitedMs * (withinMs / (span.toMs - span.fromMs));
  }, 0);
}

/** For a person. */
export function notGivenInWords(spans: readonly CpuSpan[]): string {
  const share = shareNotGiven(spans);
  return share === null
    ? "what CPU the service was given is not known here"
    : `the service was not given ${Math.round(share * 100)} % of the CPU that it wanted`;
}

/** Did it wait for most of what it wanted, all in all? */
export function isStarved(spans: readonly CpuSpan[]): boolean {
  return (shareNotGiven(spans) ?? 0) > most;
}
