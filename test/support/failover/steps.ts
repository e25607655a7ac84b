/** What stories about a store that goes away are told in. */
import { always, type Process, type World } from "./world.ts";

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
