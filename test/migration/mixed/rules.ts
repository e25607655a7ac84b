/** What must be true of a mixed run. */
import type { Evidence } from "./life.ts";

export interface Ruling {
  /** What holds where there is no violation. */
  readonly rule: string;
  readonly violations: readonly string[];
}

/** What a client may be told while its vendor is in trouble, beside an answer. */
const refusals = new Set([429, 502, 503]);

export function judge({ asked, unlike, judgements, ends, watched, thrown }: Evidence): readonly Ruling[] {
  const times = new Map<number, number>();
  for (const { number } of judgements) times.set(number, (times.get(number) ?? 0) + 1);
  const numberOf = new Map(asked.map(({ queueId, number }) => [queueId, number]));
  const lost = ends.filter(({ ticket }) => ticket === null);
  const others = ends.filter(({ ticket }) => ticket !== null && ticket.status !== "completed");
  const odd = ends.filter(
    ({ ticket, result, queueId }) =>
      ticket?.status === "completed" &&
      (result.httpStatus !== 200 || !result.justification?.includes(`nonce-a-${numberOf.get(queueId)}-`)),
  );
  const answered = asked.filter(({ httpStatus }) => httpStatus === 200 || httpStatus === 202);
  return [
    {
      rule: `no ticket is lost (${ends.length} tickets)`,
      violations: lost.map(({ queueId, httpStatus }) => `${queueId}: ${httpStatus}`),
    },
    {
      rule: "every ticket is completed, none failed or expired",
      violations: others.map(
        ({ queueId, ticket }) =>
          `${queueId}: ${ticket?.status} ${ticket?.errorType} after ${ticket?.retryCount}`,
      ),
    },
    {
      rule: "every result is the ticket's own, also where the other process is asked",
      violations: odd.map(
        ({ queueId, result }) => `${queueId}: ${result.httpStatus} ${result.justification}`,
      ),
    },
    {
      rule: "every live judgement is the comparison's own",
      violations: asked.filter(({ isItsOwn }) => isItsOwn === false).map(({ number }) => String(number)),
    },
    {
      rule: `every comparison that was answered was judged, once (${answered.length})`,
      violations: answered
        .filter(({ number }) => times.get(number) !== 1)
        .map(({ number, httpStatus }) => `${number}: ${httpStatus}, judged ${times.get(number) ?? 0} times`),
    },
    {
      rule: "no other was judged more than once",
      violations: [...times]
        .filter(([, count]) => count > 1)
        .map(([number, count]) => `${number}: ${count} times`),
    },
    { rule: "a key is answered alike by both", violations: unlike },
    {
      rule: `every request is answered as the vendor's day allows (${asked.length} requests)`,
      violations: asked
        .filter(({ httpStatus }) => httpStatus !== 200 && httpStatus !== 202 && !refusals.has(httpStatus))
        .map(
          ({ number, process, httpStatus, errorType }) =>
            `${number} at ${process}: ${httpStatus} ${errorType}`,
        ),
    },
    { rule: "nothing is thrown: no line of a log is an error's", violations: thrown },
    {
      rule: `an open breaker is forgotten by neither process (${watched.outages} outages)`,
      violations: [...watched.forgotten, ...(watched.outages === 0 ? ["no outage was seen by both"] : [])],
    },
    {
      rule: "both processes have judged",
      violations: [0, 1]
        .filter((process) => !judgements.some((given) => given.process === process))
        .map((process) => `process ${process} has not`),
    },
  ];
}
