/** What must be true of tickets that waited for their provider. Their numbers count from 1, in the order in which they were accepted. */

/** What the upstream and the service say when all is over. */
export interface Drained {
  readonly tickets: number;
  /** The numbers of those that got a good answer, in the order in which the upstream was asked. */
  readonly judged: readonly number[];
  /** What the service says of each. */
  readonly statuses: readonly string[];
}

/** What a recovery may do to the order. */
export interface Allowance {
  /** Good probes that close the breaker. Each probe is another ticket's, so they come before older ones whose probes have failed. */
  readonly goodProbes: number;
  /** Tickets in flight at once: of these the upstream may hear in any order. */
  readonly concurrency: number;
}

/**
 * Every ticket completed, each with exactly one good answer, and begun in the order of acceptance: behind the good probes none was asked
 * for after a ticket that stands more than `concurrency` places behind it.
 *
 * @returns by how many places the one was overtaken that was overtaken most
 * @throws {Error} that names the tickets for which it is not so
 */
export function checkDrained(
  { tickets, judged, statuses }: Drained,
  { goodProbes, concurrency }: Allowance,
): number {
  const numbers = Array.from({ length: tickets }, (_, index) => index + 1);
  refuse(
    "not completed",
    numbers.filter((number) => statuses[number - 1] !== "completed"),
  );
  const times = new Map<number, number>();
  for (const number of judged) times.set(number, (times.get(number) ?? 0) + 1);
  refuse(
    "never judged",
    numbers.filter((number) => !times.has(number)),
  );
  refuse(
    "judged more than once",
    numbers.filter((number) => (times.get(number) ?? 0) > 1),
  );
  refuse(
    "judged, and no ticket",
    [...times.keys()].filter((number) => number < 1 || number > tickets),
  );
  const inTurn = judged.slice(goodProbes);
  const places = overtakings(inTurn);
  refuse(
    `overtaken by a ticket more than ${concurrency} places behind`,
    inTurn.filter((_, index) => (places[index] ?? 0) > concurrency),
  );
  return Math.max(0, ...places);
}

/** For each: how far behind it, in the order of acceptance, the last one stands that came before it. 0 or less: nobody overtook it. */
function overtakings(asked: readonly number[]): number[] {
  const places = new Map(asked.toSorted((a, b) => a - b).map((number, place) => [number, place]));
  let last = 0;
  return asked.map((number) => {
    const place = places.get(number) ?? 0;
    const overtaken = last - place;
    last = Math.max(last, place);
    return overtaken;
  });
}

function refuse(what: string, numbers: readonly number[]): void {
  if (numbers.length === 0) return;
  const shown = numbers.slice(0, 20).join(", ") + (numbers.length > 20 ? ", …" : "");
  throw new Error(`tickets ${what} (${numbers.length}): ${shown}`);
}
