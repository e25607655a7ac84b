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
/** Of the tickets, as many more come before: until its heap has found its size a process grows. */
const warmUpShare = 0.1;
const groupTickets = 500;
const limitSeconds = 60;
const mostDrift = 0.1;

/** How long ended tickets are kept meanwhile, in hours: 3.6 s. */
export const soakRetentionHours = 0.001;

/**
 * The median of many readings on the way to each mark: a single one says where the garbage collector stands. Held against the first mark
 * behind the warm-up.
 *
 * @param tickets in all, but for the warm-up
 */
export async function soak(command: CommandAt, upstream: Running, tickets: number): Promise<Soak> {
  await control(upstream, "/__latency/0");
  const service = await startService(command);
  const isEmpty = async () => (await openAiOn(service.origin)).waiting === 0;
  const reached: { readonly tickets: string; readonly memory: Figure }[] = [];

  async function go(name: string, count: number): Promise<void> {
    const megabytes: number[] = [];
    for (let done = 0; done < count; done += groupTickets) {
      await keepTickets(service.origin, Math.min(groupTickets, count - done));
      await until("an empty queue", isEmpty, limitSeconds);
      megabytes.push(residentBytes(service.pid) / 1e6);
    }
    const memory = figureOf(megabytes);
    if (memory === null) throw new Error("no reading");
    reached.push({ tickets: name, memory });
    console.error(`soak: ${name} tickets, ${shown(memory, 0)} MB`);
  }

  try {
    const warmUp = Math.ceil(tickets * warmUpShare);
    await go(`${warmUp} to warm up`, warmUp);
    for (let mark = 1; mark <= marks; mark++) {
      const [from, to] = [mark - 1, mark].map((part) => Math.round((tickets * part) / marks));
      await go(String(to), (to ?? 0) - (from ?? 0));
    }
  } finally {
    service.stop();
  }
  const [warmUp, ...flat] = reached;
  const first = flat[0]?.memory.median ?? Number.NaN;
  const drifts = flat.map(({ memory }) => memory.median / first - 1);
  const isFlat = drifts.every((drift) => Math.abs(drift) <= mostDrift);
  const lines = [
    ...(warmUp === undefined ? [] : [[warmUp.tickets, shown(warmUp.memory, 0), ""]]),
    ...flat.map(({ tickets: name, memory }, index) => [
      name,
      shown(memory, 0),
      `${((drifts[index] ?? 0) * 100).toFixed(1)} %`,
    ]),
  ];
  const report = [
    `### Resident memory over ${tickets} tickets come and gone, Node`,
    "",
    table([["tickets", "resident MB", "against the first"], ...lines]),
    "",
    `Flat within ±${mostDrift * 100} %: ${isFlat ? "PASS" : "FAIL"}`,
  ].join("\n");
  return { report, isFlat };
}
