/** Virtual time: one thing happens after another, and all that follows from it without time passing is done before the next. */

export interface Scheduler {
  nowMs(): number;
  /** @returns takes it back */
  after(delayMs: number, run: () => void): () => void;
  /** Until nothing is left to happen, or `isOver` says so. */
  run(isOver: () => boolean): Promise<void>;
}

interface Due {
  readonly atMs: number;
  readonly number: number;
  run: (() => void) | null;
}

export const startMs = Date.UTC(2026, 10, 22, 12);

export function createScheduler(): Scheduler {
  const heap: Due[] = [];
  let nowMs = startMs;
  let numbers = 0;

  function push(due: Due): void {
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!swapped(at, parent)) return;
      at = parent;
    }
  }

  function pop(): Due | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || last === first) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = isBefore(heap[right], heap[left]) ? right : left;
      if (child >= heap.length || !swapped(child, at)) return first;
      at = child;
    }
  }

  /** Swaps the two where the first must come before the second. */
  function swapped(a: number, b: number): boolean {
    const [first, second] = [heap[a], heap[b]];
    if (first === undefined || second === undefined || !isBefore(first, second)) return false;
    heap[a] = second;
    heap[b] = first;
    return true;
  }

  return {
    nowMs: () => nowMs,
    after(delayMs, run) {
      const due: Due = { atMs: nowMs + Math.max(0, Math.ceil(delayMs)), number: numbers++, run };
      push(due);
      return () => {
        due.run = null;
      };
    },
    async run(isOver) {
      for (let due = pop(); due !== undefined && !isOver(); due = pop()) {
        if (due.run === null) continue;
        nowMs = due.atMs;
        due.run();
        // A turn of the event loop runs every promise there is.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

function isBefore(a: Due | undefined, b: Due | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.number < b.number;
}
