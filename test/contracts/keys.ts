/** What every store of keyed requests promises (`src/gateway/ports.ts`, `src/domain/idempotency.ts`), in the runtime that it is made for. */
import { expect, it } from "vitest";
import type { Begun } from "../../src/domain/idempotency.ts";
import type { Keys } from "../../src/gateway/ports.ts";

/** A store that nobody used before. */
export interface KeysUnderTest {
  readonly keys: Keys;
  nowMs(): number;
  /** Moves the store's clock on; what falls due on the way has happened then. */
  advance(ms: number): Promise<void>;
  /** Its process or object dies and begins anew over what it has stored. */
  restart(): Promise<void>;
  /** Is this text anywhere in what is stored? */
  holds(text: string): Promise<boolean>;
}

const name = "ab".repeat(32);
const asked = "request-hash-one";
const leaseMs = 75_000;
const dayMs = 86_400_000;

export function testKeys(make: () => Promise<KeysUnderTest>): void {
  it("lets the first go on, and keeps the second waiting while the lease lives", async () => {
    const { keys, nowMs } = await make();
    expect(await keys.begin(name, asked, "q1", leaseMs)).toMatchObject({
      kind: "begun",
      queueId: "q1",
      again: false,
    });
    expect(await keys.begin(name, asked, "q2", leaseMs)).toEqual({
      kind: "busy",
      untilMs: nowMs() + leaseMs,
    });
  });

  it("lets exactly one of many at once go on", async () => {
    const { keys } = await make();
    const begun = await Promise.all(
      Array.from({ length: 10 }, (_, number) => keys.begin(name, asked, `q${number}`, leaseMs)),
    );
    expect(begun.filter(({ kind }) => kind === "begun")).toHaveLength(1);
    expect(begun.filter(({ kind }) => kind === "busy")).toHaveLength(9);
  });

  it("tells another comparison under the same key apart", async () => {
    const { keys } = await make();
    await keys.begin(name, asked, "q1", leaseMs);
    expect(await keys.begin(name, "request-hash-two", "q2", leaseMs)).toEqual({ kind: "mismatch" });
  });

  it("keeps keys apart", async () => {
    const { keys } = await make();
    await keys.begin(name, asked, "q1", leaseMs);
    expect(await keys.begin("cd".repeat(32), asked, "q2", leaseMs)).toMatchObject({ kind: "begun" });
  });

  it("gives the same answer again, also after a restart", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    await world.keys.end(name, first, { kind: "answered", body: '{"winner":"Essay A"}' });
    const answered = { kind: "answered", body: '{"winner":"Essay A"}' };
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject(answered);
    await world.restart();
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject(answered);
  });

  it("names the ticket that it became, with the id that was meant for it", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    await world.keys.end(name, first, { kind: "ticketed", forgetAtMs: 0 });
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({
      kind: "ticketed",
      queueId: "q1",
      mayEnd: false,
    });
  });

  it("tells who has lost the lease so, and stores nothing of theirs", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    await world.advance(leaseMs);
    const second = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    expect(await world.keys.end(name, first, { kind: "answered", body: "late" })).toBe(false);
    expect(await world.keys.end(name, second, { kind: "answered", body: "mine" })).toBe(true);
    expect(await world.keys.end(name, second, { kind: "answered", body: "mine" })).toBe(true);
  });

  it("is free again after a request that came to nothing", async () => {
    const { keys } = await make();
    const first = tokenOf(await keys.begin(name, asked, "q1", leaseMs));
    await keys.end(name, first, { kind: "freed" });
    expect(await keys.begin(name, "request-hash-two", "q2", leaseMs)).toMatchObject({
      kind: "begun",
      queueId: "q2",
      again: false,
    });
  });

  it("lets another go on when the lease is over, under the same queue id, and not before", async () => {
    const world = await make();
    await world.keys.begin(name, asked, "q1", leaseMs);
    await world.advance(leaseMs - 1);
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({ kind: "busy" });
    await world.restart();
    await world.advance(1);
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({
      kind: "begun",
      queueId: "q1",
      again: true,
    });
  });

  it("takes no end from who has lost the lease", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    await world.advance(leaseMs);
    const second = tokenOf(await world.keys.begin(name, asked, "q2", leaseMs));
    await world.keys.end(name, first, { kind: "answered", body: "late" });
    await world.keys.end(name, first, { kind: "freed" });
    expect(await world.keys.begin(name, asked, "q3", leaseMs)).toMatchObject({ kind: "busy" });
    await world.keys.end(name, second, { kind: "answered", body: "mine" });
    expect(await world.keys.begin(name, asked, "q3", leaseMs)).toMatchObject({ body: "mine" });
  });

  it("takes no end for a key that was never begun", async () => {
    const { keys } = await make();
    await keys.end(name, 1, { kind: "answered", body: "of nothing" });
    expect(await keys.begin(name, asked, "q1", leaseMs)).toMatchObject({ kind: "begun", again: false });
  });

  it("remembers an answer for a day, and then holds nothing of it", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    await world.keys.end(name, first, { kind: "answered", body: "canary-of-an-answer" });
    await world.advance(dayMs - 1);
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({ kind: "answered" });
    expect(await world.holds("canary-of-an-answer")).toBe(true);
    // Not at that moment, but soon.
    await world.advance(15_000);
    expect(await world.holds("canary-of-an-answer")).toBe(false);
    expect(await world.keys.begin(name, "request-hash-two", "q2", leaseMs)).toMatchObject({ kind: "begun" });
  });

  it("remembers a ticket as long as the ticket is", async () => {
    const world = await make();
    const first = tokenOf(await world.keys.begin(name, asked, "q1", leaseMs));
    const forgetAtMs = world.nowMs() + dayMs + 3_600_000;
    await world.keys.end(name, first, { kind: "ticketed", forgetAtMs });
    await world.advance(forgetAtMs - world.nowMs() - 1);
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({ kind: "ticketed" });
    await world.advance(1);
    expect(await world.keys.begin(name, asked, "q2", leaseMs)).toMatchObject({
      kind: "begun",
      queueId: "q2",
    });
  });
}

function tokenOf(begun: Begun): number {
  if (begun.kind !== "begun") throw new Error(`the key was not begun but ${begun.kind}`);
  return begun.fence;
}
