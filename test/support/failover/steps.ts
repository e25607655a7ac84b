/** What stories about a store that goes away are told in. */
import { always, failoverWorld, limits, type Process, type World } from "./world.ts";

export interface Story {
  readonly world: World;
  readonly process: Process;
  /** Of the ticket that it is about. */
  readonly id: string;
}

/** While the store is away its process calls for as many tickets as it may, without end; and one more is kept there, which waits. */
export async function waitingWhileAway(): Promise<Story> {
  const world = failoverWorld();
  world.judgeMs = 1e9;
  const process = await world.begin();
  await goneFrom(world, process);
  for (let n = 0; n < limits.concurrency; n++) await keptBy(world, process, `essay-${n}`);
  return { world, process, id: await keptBy(world, process) };
}

/** The store goes away while one of its tickets is called for, and the call comes to its end. */
export async function judgedWhileAway(): Promise<Story> {
  const world = failoverWorld();
  world.judgeMs = 2_000;
  const process = await world.begin();
  const id = await keptBy(world, process);
  await goneFrom(world, process);
  await world.clock.advance(2_000);
  return { world, process, id };
}

/** Until the process knows that the store is away. */
export async function goneFrom(world: World, process: Process): Promise<void> {
  process.fate = always("not_connected");
  await process.failover.totals.of("one", "2026-11-22").catch(() => {});
  await world.clock.advance(0);
}

export async function backFor(world: World, process: Process): Promise<void> {
  process.fate = always("answered");
  await world.clock.advance(1_000);
}

export async function keptBy(
  world: World,
  process: Process,
  essay?: string,
  queueId?: string,
): Promise<string> {
  const keeping = process.keep(essay, queueId);
  await world.clock.advance(600);
  const id = await keeping;
  if (id === null) throw new Error("it was not kept");
  return id;
}
