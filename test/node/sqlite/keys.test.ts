import { describe, expect, it } from "vitest";
import { testKeys } from "../../contracts/keys.ts";
import { sqliteForTest } from "../../support/sqlite-store.ts";

testKeys(() => sqliteForTest());

describe("after the death of the process that had a request under way", () => {
  const begin = (world: Awaited<ReturnType<typeof sqliteForTest>>, name = "n1") =>
    world.keys.begin(name, "hash", "another id", 65_000);

  it("its key is free at once, with the same ticket's id, for nobody else has the file", async () => {
    const world = await sqliteForTest();
    await world.keys.begin("n1", "hash", "id 1", 65_000);
    expect(await begin(world)).toMatchObject({ kind: "busy" });
    await world.restart();
    expect(await begin(world)).toMatchObject({ kind: "begun", queueId: "id 1", again: true });
    // From then on the lease is this process'.
    expect(await begin(world)).toMatchObject({ kind: "busy" });
  });

  it("what came of others stays", async () => {
    const world = await sqliteForTest();
    const begun = await world.keys.begin("n1", "hash", "id 1", 65_000);
    const fence = begun.kind === "begun" ? begun.fence : 0;
    await world.keys.end("n1", fence, { kind: "answered", body: "a judgement" });
    const other = await world.keys.begin("n2", "hash", "id 2", 65_000);
    await world.keys.end("n2", other.kind === "begun" ? other.fence : 0, { kind: "ticketed", forgetAtMs: 1 });
    await world.restart();
    expect(await begin(world)).toEqual({ kind: "answered", body: "a judgement" });
    expect(await begin(world, "n2")).toMatchObject({ kind: "ticketed", queueId: "id 2" });
  });

  it("a late end of the dead one changes nothing", async () => {
    const world = await sqliteForTest();
    const first = await world.keys.begin("n1", "hash", "id 1", 65_000);
    await world.restart();
    await begin(world);
    const fence = first.kind === "begun" ? first.fence : 0;
    expect(await world.keys.end("n1", fence, { kind: "freed" })).toBe(false);
  });
});
