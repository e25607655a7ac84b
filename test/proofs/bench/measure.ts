/** Starts what is measured, asks it, and makes sure that it did what it claims. */
import { join } from "node:path";
import type { Contender, Request } from "./candidates.ts";
import type { LoadOrder, LoadResult } from "./load.ts";
import {
  freePort,
  othersCore,
  run,
  serviceCore,
  startServer,
  type CommandAt,
  type Running,
} from "./processes.ts";

/** One point of the measurement: how many connections, and how slow the upstream is. */
export interface Setting {
  readonly connections: number;
  readonly latencyMs: number;
}

export interface Sample {
  readonly round: number;
  readonly setting: Setting;
  /** `null`: the load generator asked the upstream itself. */
  readonly candidate: Contender | null;
  readonly result: LoadResult;
}

/** How long is measured, and how long not. */
export interface Timing {
  /** The timed window. */
  readonly seconds: number;
  /** Under load before a fresh process counts: its hot paths should be compiled by then. */
  readonly warmUpSeconds: number;
}

/** Under load before each window: connections are open and as many as the setting says. */
const settlingSeconds = 0.5;

/** How long one candidate takes in one round, about: for telling how long a run will be. */
export function secondsOf(settings: readonly Setting[], { seconds, warmUpSeconds }: Timing): number {
  return warmUpSeconds + 2 + settings.length * (settlingSeconds + seconds + 0.5);
}

export async function startUpstream(): Promise<Running> {
  const port = await freePort();
  const args = [join(import.meta.dirname, "upstream.ts"), String(port)];
  return startServer({ file: process.execPath, args }, port, othersCore);
}

/** Starts a service afresh (`null`: the upstream itself is asked), warms it up, and measures it at each setting. */
export async function measure(
  command: CommandAt | null,
  request: Request,
  settings: readonly Setting[],
  { seconds, warmUpSeconds }: Timing,
  upstream: Running,
): Promise<{ readonly setting: Setting; readonly result: LoadResult }[]> {
  const service = command === null ? null : await startService(command);
  try {
    const most = Math.max(...settings.map(({ connections }) => connections));
    const target = { services: service === null ? [] : [service], upstream, request };
    await ask(target, { connections: most, latencyMs: 0 }, 0, warmUpSeconds);
    const measured = [];
    for (const setting of settings) {
      measured.push({ setting, result: await ask(target, setting, settlingSeconds, seconds) });
    }
    return measured;
  } finally {
    service?.stop();
  }
}

/** Starts what is measured, on its core. */
export async function startService(command: CommandAt): Promise<Running> {
  const port = await freePort();
  return startServer(command(port), port, serviceCore);
}

interface Target {
  /** They share the connections; none: the upstream itself is asked. */
  readonly services: readonly Running[];
  readonly upstream: Running;
  /** What else works for the services. */
  readonly helperPids?: readonly number[];
  readonly request: Request;
}

/** Puts them under load, and measures after a while. @throws {Error} where an answer is not as the request expects it */
export async function ask(
  target: Target,
  setting: Setting,
  settleSeconds: number,
  seconds: number,
): Promise<LoadResult> {
  const { services, upstream, request } = target;
  const before = await control(upstream, `/__latency/${setting.latencyMs}`);
  const order: LoadOrder = {
    origins: (services.length > 0 ? services : [upstream]).map(({ origin }) => origin),
    ...request,
    ...setting,
    settleSeconds,
    seconds,
    servicePids: services.map(({ pid }) => pid),
    otherPids: [upstream.pid, ...(target.helperPids ?? [])],
  };
  const args = [join(import.meta.dirname, "load.ts"), JSON.stringify(order)];
  const output = await run({ file: process.execPath, args }, othersCore, settleSeconds + seconds + 30);
  const result = JSON.parse(output) as LoadResult;
  const after = await control(upstream, "/__count");
  if (request.expects === "judgement" && after.count - before.count < result.answered) {
    throw new Error(
      `${request.path}: ${result.answered} answers from ${after.count - before.count} upstream calls`,
    );
  }
  return result;
}

/** Whom it gave good answers since it was last asked, in the order in which they asked. From the first time on it takes notes. */
export async function numbersJudged(upstream: Running): Promise<readonly number[]> {
  const answer = await fetch(`${upstream.origin}/__numbers`);
  return (await answer.json()) as number[];
}

/** Tells the upstream how to answer, or asks it how often it did. */
export async function control(upstream: Running, path: string): Promise<{ readonly count: number }> {
  const answer = await fetch(upstream.origin + path);
  if (answer.status !== 200) throw new Error(`the upstream answers ${answer.status} to ${path}`);
  return (await answer.json()) as { count: number };
}
