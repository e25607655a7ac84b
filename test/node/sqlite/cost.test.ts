/** What a ticket costs its gate in one process. */
import { expect, it, vi } from "vitest";
import type * as Keepers from "../../../src/engine/gate-keeper.ts";
import { callerIn, someComparison } from "../../support/asking.ts";
import { gatewayOver, verdictOn } from "../../support/sqlite-gateway.ts";
import { sqliteForTest } from "../../support/sqlite-store.ts";

const counted = vi.hoisted(() => ({ verbs: 0 }));
vi.mock("../../../src/engine/gate-keeper.ts", async (original) => {
  const { createGateKeeper } = await original<typeof Keepers>();
  return {
    createGateKeeper: (parts: Keepers.GateKeeperParts) =>
      createGateKeeper({
        ...parts,
        atomically(work) {
          counted.verbs++;
          return parts.atomically(work);
        },
      }),
  };
});

it("asks a gate's table at most 5 times for a ticket, from its admission to its end", async () => {
  const world = await sqliteForTest();
  const gateway = gatewayOver(world, (prompt) => Promise.resolve(verdictOn(prompt)));
  await world.advance(0);
  counted.verbs = 0;
  const submitted = await gateway.submit(someComparison, callerIn("queue"));
  if (!submitted.ok || submitted.value.kind !== "kept") throw new Error(JSON.stringify(submitted));
  const { id } = submitted.value.ticket.about;
  expect(submitted.value.estimate).toMatchObject({ position: 1 });
  await world.advance(0);
  expect((await world.tickets.load(id))?.state.status).toBe("completed");
  expect(counted.verbs).toBeGreaterThan(3);
  expect(counted.verbs).toBeLessThanOrEqual(5);
});
