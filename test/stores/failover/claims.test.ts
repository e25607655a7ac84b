/** What comes of the calls that the primary store gave to this process, though it is away when they end. */
import { expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { backFor, goneFrom, judgedWhileAway, keptBy } from "../../support/failover/steps.ts";
import { always, failoverWorld, inTurn, policy } from "../../support/failover/world.ts";

it("keeps a judgement of a claim there until it is back, whatever the lease", async () => {
  const { world, process, id } = await judgedWhileAway();
  expect(process.file.spool.size).toBe(1);
  await backFor(world, process);
  expect(process.file.spool.size).toBe(0);
  expect(await process.statusOf(id)).toBe("completed");
  expect(world.judged).toHaveLength(1);
});

it("tells it of judgements before anybody finds their claims overdue", async () => {
  const { world, process, id } = await judgedWhileAway();
  // Its clock stands still with it.
  const row = world.server.rows.get(id);
  expect(row?.ticket.state.status).toBe("processing");
  process.fate = (verb) => (verb === "settleAsOf" ? "unheard" : "answered");
  await world.clock.advance(1_300);
  expect(process.news.at(-1)).toEqual({ kind: "store_away", trouble: null });
  process.fate = always("answered");
  process.link.asked.length = 0;
  await world.clock.advance(1_000);
  expect(process.link.asked.slice(0, 2)).toEqual(["health", "settleAsOf"]);
  expect(await process.statusOf(id)).toBe("completed");
});

it("drops a judgement that came too late, and says so", async () => {
  const { world, process } = await judgedWhileAway();
  const [name, spooled] = [...process.file.spool][0] ?? ["", null];
  if (spooled === null) throw new Error("nothing is spooled");
  process.file.spool.delete(name);
  process.file.spool.set(`${spooled.id} 7`, { ...spooled, fence: 7 });
  await backFor(world, process);
  expect(process.news.map(({ kind }) => kind)).toContain("spooled_too_late");
  expect(process.file.spool.size).toBe(0);
});

it("repeats a settle as long as neither store takes it", async () => {
  const world = failoverWorld();
  world.judgeMs = 2_000;
  const process = await world.begin();
  const id = await keptBy(world, process);
  await goneFrom(world, process);
  process.fallback.fill(true);
  await world.clock.advance(10_000);
  expect(process.file.spool.size).toBe(0);
  await backFor(world, process);
  await world.clock.advance(10_000);
  expect(await process.statusOf(id)).toBe("completed");
  expect(world.judged).toHaveLength(1);
});

it("gives back what it holds there when it stops while it is away, so that no death is counted", async () => {
  const world = failoverWorld();
  world.judgeMs = 1e9;
  const process = await world.begin();
  const id = await keptBy(world, process);
  await goneFrom(world, process);
  const row = world.server.rows.get(id);
  if (row?.ticket.state.status !== "processing") throw new Error("it is not being called for");
  const { fence } = row.ticket.progress;
  expect(await process.failover.tickets.giveBack(id, fence)).toEqual({ kind: "stored" });
  process.fate = (verb) => (verb === "take" ? "not_connected" : "answered");
  await world.clock.advance(1_000);
  expect(world.server.rows.get(id)?.ticket).toMatchObject({
    state: { status: "queued" },
    progress: { attempts: 0, suspect: false, deaths: 0 },
  });
  expect(world.server.rows.get(id)?.events.at(-1)).toMatchObject({ kind: "returned", why: "given_back" });
});

it("clears no suspect of suspicion by giving it back while it is away", async () => {
  const world = failoverWorld();
  world.judgeMs = 1e9;
  const dead = await world.begin();
  const id = await keptBy(world, dead);
  dead.kill();
  await world.clock.advance(policy.leaseMs);
  const process = await world.begin();
  await world.clock.advance(30_000);
  const { ticket } = world.server.rows.get(id) ?? {};
  expect(ticket).toMatchObject({ state: { status: "processing" }, progress: { suspect: true } });
  await goneFrom(world, process);
  const { fence } = ticket?.progress ?? { fence: 0 };
  await expect(process.failover.tickets.giveBack(id, fence)).rejects.toThrow(StoreAway);
  expect(process.file.spool.size).toBe(0);
});

it("tells the shared store at its end of a judgement that it did not take at once", async () => {
  const world = failoverWorld();
  world.judgeMs = 2_000;
  const process = await world.begin();
  const id = await keptBy(world, process);
  process.fate = (verb) => (verb === "settle" ? "unheard" : "answered");
  await inTurn(world.clock, process.failover.rest());
  expect(process.file.spool.size).toBe(1);
  await process.failover.close();
  expect(process.file.spool.size).toBe(0);
  expect(world.server.rows.get(id)?.ticket.state.status).toBe("completed");
});

it("tells the shared gate of a call that it began, whichever was in force when the call began here", async () => {
  const world = failoverWorld();
  const process = await world.begin();
  process.failover.start(async ({ permit, epoch }) => {
    await goneFrom(world, process);
    const gate = process.failover.gate("mock");
    await backFor(world, process);
    await gate.report({ permit, epoch, finding: { kind: "fault" }, durationMs: 5 });
  });
  const id = await process.keep();
  await world.clock.advance(2_000);
  expect(id).not.toBeNull();
  expect(await process.failover.gate("mock").status()).toMatchObject({ faultsInRow: 1 });
  expect(await process.fallback.gate("mock").status()).toMatchObject({ faultsInRow: 0 });
});
