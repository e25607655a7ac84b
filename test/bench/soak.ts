/** Whether memory stays flat while very many tickets come, are judged and are forgotten. */
import { control, startService } from "./measure.ts";
import type { CommandAt, Running } from "./processes.ts";
import { shown, table } from "./report.ts";
import { figureOf, type Figure } from "./statistics.ts";
import { keepTickets, openAiOn, until } from "./tickets.ts";
import { residentBytes } from "./usage.ts";

export interface Soak {
  readonly report: string;
  readonly isFlat: boolean;
}

const marks = 5;
const groupTickets = 500;
const limitSeconds = 60;
const mostDrift = 0.1;

/** How long ended tickets are kept meanwhile, in hours: 3.6 s. */
export const soakRetentionHours = 0.001;

/**
 * The median of many readings on the way to each mark: a single one says where the garbage collector stands. Held against the first mark;
 * by then the process is warm.
 *
 * @param tickets in all
 */
export async function soak(command: CommandAt, upstream: Running, tickets: number): Promise<Soak> {
  await control(upstream, "/__latency/0");
  const service = await startService(command);
  const isEmpty = async () => (await openAiOn(service.origin)).waiting === 0;
  const reached: { readonly tickets: number; readonly memory: Figure }[] = [];
  try {
    for (let mark = 1; mark <= marks; mark++) {
      const end = Math.round((tickets * mark) / marks);
      const megabytes: number[] = [];
      for (let done = Math.round((tickets * (mark - 1)) / marks); done < end; done += groupTickets) {
        await keepTickets(service.origin, Math.min(groupTickets, end - done));
        await until("an empty queue", isEmpty, limitSeconds);
        megabytes.push(residentBytes(service.pid) / 1e6);
      }
      const memory = figureOf(megabytes);
      if (memory === null) throw new Error("no reading");
      reached.push({ tickets: end, memory });
      console.error(`soak: ${end} tickets, ${shown(memory, 0)} MB`);
    }
  } finally {
    service.stop();
  }
  const first = reached[0]?.memory.median ?? Number.NaN;
  const drifts = reached.map(({ memory }) => memory.median / first - 1);
  const isFlat = drifts.every((drift) => Math.abs(drift) <= mostDrift);
  const lines = reached.map(({ tickets: count, memory }, index) => [
    String(count),
    shown(memory, 0),
    `${((drifts[index] ?? 0) * 100).toFixed(1)} %`,
  ]);
  const report = [
    `### Resident memory over ${tickets} tickets come and gone, Node`,
    "",
    table([["tickets", "resident MB", "against the first"], ...lines]),
    "",
    `Flat within ±${mostDrift * 100} %: ${isFlat ? "PASS" : "FAIL"}`,
  ].join("\n");
  return { report, isFlat };
}
