/** What every store of operators' actions promises (`Actions`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import { mostActions, type Actions, type OperatorAction } from "../../src/gateway/ports.ts";

export interface ActionsUnderTest {
  readonly actions: Actions;
  nowMs(): number;
  advance(ms: number): Promise<void>;
  /** Its process or object begins anew over what it has stored. */
  restart(): Promise<void>;
}

export function testActions(retentionMs: number, make: () => Promise<ActionsUnderTest>): void {
  const paused = (world: ActionsUnderTest, operator: string): OperatorAction => ({
    atMs: world.nowMs(),
    operator,
    action: "pause",
    provider: "openai",
  });

  it("keeps what operators did, the newest first, over a restart", async () => {
    const world = await make();
    expect(await world.actions.latest(10)).toEqual([]);
    const cancelled: OperatorAction = {
      atMs: world.nowMs(),
      operator: "ops",
      action: "cancel",
      provider: "mock",
      queueId: "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f",
      tenant: "maths",
    };
    await world.actions.note(cancelled);
    await world.advance(1_000);
    const later = paused(world, "reader");
    await world.actions.note(later);
    expect(await world.actions.latest(10)).toEqual([later, cancelled]);
    expect(await world.actions.latest(1)).toEqual([later]);
    await world.restart();
    expect(await world.actions.latest(10)).toEqual([later, cancelled]);
  });

  it("forgets them when their time is over, and not before", async () => {
    const world = await make();
    await world.actions.note(paused(world, "first"));
    await world.advance(retentionMs - 1_000);
    await world.actions.note(paused(world, "second"));
    const names = async () => (await world.actions.latest(10)).map(({ operator }) => operator);
    expect(await names()).toEqual(["second", "first"]);
    await world.advance(2_000);
    expect(await names()).toEqual(["second"]);
    await world.actions.note(paused(world, "third"));
    expect(await names()).toEqual(["third", "second"]);
  });

  it("keeps no more than a thousand", async () => {
    const world = await make();
    const { atMs } = paused(world, "");
    for (let number = 0; number <= mostActions + 5; number++)
      await world.actions.note({ ...paused(world, `operator-${number}`), atMs: atMs + number });
    const kept = await world.actions.latest(2 * mostActions);
    expect(kept).toHaveLength(mostActions);
    expect(kept.at(-1)).toMatchObject({ operator: "operator-6" });
  });
}
