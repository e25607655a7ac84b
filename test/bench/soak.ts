/** Whether memory stays flat while very many tickets come, are judged and are forgotten. */
import { control, startService } from "./measure.ts";
import type { CommandAt, Running } from "./processes.ts";
import { table } from "./report.ts";
import { keepTickets, openAiOn, until } from "./tickets.ts";
import { residentBytes } from "./usage.ts";

export interface Soak {
  readonly report: string;
  readonly isFlat: boolean;
}

const marks = 5;
const groupTickets = 500;
const limitSeconds = 60;
/** Beyond the retention: the tickets of a mark are forgotten when its memory is read. */
const restMs = 1_500;
const mostDrift = 0.1;

/** How long ended tickets are kept meanwhile, in hours: 3.6 s. */
export const soakRetentionHours = 0.001;

/** @param tickets in all; memory is read five times, and held against the first reading: by then the process is warm */
export async function soak(command: CommandAt, upstream: Running, tickets: number): Promise<Soak> {
  await control(upstream, "/__latency/0");
  const service = await startService(command);
  const isEmpty = async () => (await openAiOn(service.origin)).waiting === 0;
  const readings: { readonly tickets: number; readonly megabytes: number }[] = [];
  try {
    for (let mark = 1; mark <= marks; mark++) {
      const end = Math.round((tickets * mark) / marks);
      for (let done = Math.round((tickets * (mark - 1)) / marks); done < end; done += groupTickets) {
        await keepTickets(service.origin, Math.min(groupTickets, end - done));
        await until("an empty queue", isEmpty, limitSeconds);
      }
      await new Promise((resolve) => setTimeout(resolve, soakRetentionHours * 3_600_000 + restMs));
      readings.push({ tickets: end, megabytes: residentBytes(service.pid) / 1e6 });
      console.error(`soak: ${end} tickets, ${readings.at(-1)?.megabytes.toFixed(0)} MB`);
    }
  } finally {
    service.stop();
  }
  const first = readings[0]?.megabytes ?? Number.NaN;
  const drifts = readings.map(({ megabytes }) => megabytes / first - 1);
  const isFlat = drifts.every((drift) => Math.abs(drift) <= mostDrift);
  const lines = readings.map((reading, index) => [
    String(reading.tickets),
    reading.megabytes.toFixed(1),
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
