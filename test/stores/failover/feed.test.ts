/** The feed of a store that processes share, while that is away and after: nothing is told of the store that stands in for it. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { backFor, goneFrom, keptBy } from "../../support/failover/steps.ts";
import { failoverWorld, type Process } from "../../support/failover/world.ts";

const tenant = "one";

async function idsIn(process: Process): Promise<readonly string[]> {
  const page = await process.failover.feed.page(tenant, null, 100);
  if (page.kind !== "page") throw new Error("expired");
  return page.events.map((event) => (JSON.parse(event) as { data: { queue_id: string } }).data.queue_id);
}

it("is away with it, and then has what ended here at the place of the time at which it came there", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  const other = await world.begin();
  await goneFrom(world, process);
  const here = await keptBy(world, process);
  await world.clock.advance(5_000);
  expect(await process.statusOf(here)).toBe("completed");
  await expect(process.failover.feed.page(tenant, null, 100)).rejects.toThrow(StoreAway);
  const there = await keptBy(world, other);
  await world.clock.advance(5_000);
  expect(await idsIn(other)).toEqual([there]);
  await backFor(world, process);
  await world.clock.advance(60_000);
  expect(await idsIn(process)).toEqual([there, here]);
  expect(await process.failover.feed.page(tenant, 1, 100)).toMatchObject({ last: 2, more: false });
});

it("has nothing of a ticket that nobody was told of, and once the one that was kept instead", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  process.fate = (verb) => (verb === "create" ? "unanswered" : "not_connected");
  const id = await keptBy(world, process);
  await backFor(world, process);
  await world.clock.advance(60_000);
  expect(await idsIn(process)).toEqual([id]);
});
