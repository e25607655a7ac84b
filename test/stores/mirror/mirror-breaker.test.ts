import { expect, it } from "vitest";
import { MirrorAway, type MirrorCommands } from "../../../src/stores/mirror/mirror-commands.ts";
import {
  askMirror,
  mirrorFailed,
  isMirrorOpen,
  closedMirror,
  type MirrorBreaker,
} from "../../../src/stores/mirror/mirror-breaker.ts";
import { behindBreaker } from "../../../src/stores/mirror/behind-breaker.ts";

const after = (failures: number, nowMs: number) =>
  Array.from({ length: failures }).reduce<MirrorBreaker>(
    (breaker) => mirrorFailed(breaker, nowMs),
    closedMirror,
  );

it("goes on asking after two failures, and rests after the third", () => {
  expect(isMirrorOpen(after(2, 1_000))).toBe(false);
  expect(askMirror(after(2, 1_000), 1_000)).not.toBeNull();
  expect(isMirrorOpen(after(3, 1_000))).toBe(true);
  expect(askMirror(after(3, 1_000), 1_000)).toBeNull();
});

it("rests for 5 s, then one may ask, and the others wait for as long again", () => {
  const resting = after(3, 1_000);
  expect(askMirror(resting, 5_999)).toBeNull();
  const asked = askMirror(resting, 6_000);
  if (asked === null) throw new Error("nobody may ask");
  expect(askMirror(asked, 6_000)).toBeNull();
  expect(askMirror(asked, 10_999)).toBeNull();
  // Whoever asked may have died.
  expect(askMirror(asked, 11_000)).not.toBeNull();
  expect(askMirror(mirrorFailed(asked, 6_300), 11_299)).toBeNull();
  expect(askMirror(mirrorFailed(asked, 6_300), 11_300)).not.toBeNull();
});

it("does not rest for longer where the clock was set back", () => {
  expect(askMirror(after(3, 1_000_000), 999_999)).not.toBeNull();
});

function shaky() {
  const world = { nowMs: 0, isWell: true, calls: 0, told: [] as unknown[] };
  const commands: MirrorCommands = {
    run() {
      world.calls++;
      return world.isWell ? Promise.resolve("reply") : Promise.reject(new TypeError("quotes a ticket"));
    },
  };
  const { run } = behindBreaker(
    commands,
    () => world.nowMs,
    (error) => world.told.push(error),
  );
  return { world, run: () => run(["PING"]).catch((error: unknown) => error) };
}

it("leaves a store alone that doesn't answer, says so once, and asks again by itself", async () => {
  const { world, run } = shaky();
  world.isWell = false;
  for (let call = 0; call < 5; call++) {
    const error = await run();
    expect(error).toBeInstanceOf(MirrorAway);
    expect(String(error)).not.toContain("quotes");
    expect(error).not.toHaveProperty("cause");
  }
  expect(world.calls).toBe(3);
  expect(world.told).toEqual([expect.any(TypeError)]);
  world.nowMs = 5_000;
  await run();
  await run();
  expect(world.calls).toBe(4);
  expect(world.told).toHaveLength(1);
  world.isWell = true;
  world.nowMs = 10_000;
  expect(await run()).toBe("reply");
  expect(await run()).toBe("reply");
  expect(world.calls).toBe(6);
});

it("forgets failures at each answer", async () => {
  const { world, run } = shaky();
  for (let round = 0; round < 4; round++) {
    world.isWell = false;
    await run();
    await run();
    world.isWell = true;
    await run();
  }
  expect(world.calls).toBe(12);
  expect(world.told).toEqual([]);
});
