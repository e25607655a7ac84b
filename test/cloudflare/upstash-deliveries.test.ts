/** Where a delivery is noted that Queues refuses, and who works it. */
import { beforeAll, describe, expect, it } from "vitest";
import { remoteGate, lookAtGate } from "../../src/cloudflare/stubs/gate.ts";
import { env, settled, storedIn, ticketsOf } from "./objects.ts";
import { hasUpstash, until, upstashWorlds } from "./upstash-world.ts";

const noteKey = "llm-provider-service:queue:undelivered";

describe.skipIf(!hasUpstash)("a delivery that Queues refuses", () => {
  let freshUpstash: Awaited<ReturnType<typeof upstashWorlds>>;
  beforeAll(async () => {
    freshUpstash = await upstashWorlds();
  });

  async function fresh() {
    const s = await freshUpstash();
    return {
      ...s,
      noted: async () => [(await s.upstash.dump())[noteKey] ?? []].flat(),
      async inGate() {
        const gate = env.GATES.get(env.GATES.idFromName("mock"));
        const { undelivered = [] } = await storedIn(gate);
        return undelivered.map((row) => (row as { readonly ticket_id: string }).ticket_id);
      },
      scheduled: () => s.worker.scheduled({} as ScheduledController, env),
      statusOf: async (id: string) => (await ticketsOf().load(id))?.state.status,
    };
  }

  async function refusing() {
    const s = await fresh();
    s.sendBatch.mockRejectedValueOnce(new Error("Queue is overloaded"));
    return s;
  }

  it("is noted in Upstash and not in the gate, by its id alone", async () => {
    const s = await refusing();
    const id = await s.ticket();
    await until(async () => (await s.noted()).length > 0);
    expect(await s.noted()).toEqual([id]);
    await settled();
    expect(await s.inGate()).toEqual([]);
    expect(await s.holdsTexts()).toBe(false);
  });

  it("is worked from there at the next tick of the clock, and noted no longer", async () => {
    const s = await refusing();
    const id = await s.ticket();
    await until(async () => (await s.noted()).length > 0);
    await s.scheduled();
    expect(await s.statusOf(id)).toBe("completed");
    expect(await s.noted()).toEqual([]);
  });

  it("is offered again after 30 s, whatever came of it", async () => {
    const s = await refusing();
    const id = await s.ticket();
    await until(async () => (await s.noted()).length > 0);
    await s.upstash.redis("DEL", noteKey);
    await s.advance(29_999);
    expect(await s.sent()).toEqual([]);
    await s.advance(1);
    expect(await s.sent()).toEqual([id]);
  });

  it.each(["hang", "html", "unauthorized", "dropBefore", "dropAfter"] as const)(
    "is noted in the gate, and worked from there, while Upstash does this: %s",
    async (kind) => {
      const s = await refusing();
      await s.upstash.fail({ kind });
      const id = await s.ticket();
      await until(async () => (await s.inGate()).length > 0);
      expect(await s.inGate()).toEqual([id]);
      await s.scheduled();
      expect(await s.statusOf(id)).toBe("completed");
      expect(await s.inGate()).toEqual([]);
    },
  );

  it("is worked once where both have it: the reply was lost, and Upstash is back", async () => {
    const s = await refusing();
    await s.upstash.fail({ kind: "dropAfter" }, { command: "eval" });
    const id = await s.ticket();
    await until(async () => (await s.inGate()).length > 0);
    expect(await s.noted()).toEqual([id]);
    await s.upstash.heal();
    s.tick(5_000);
    await s.scheduled();
    expect(await ticketsOf().load(id)).toMatchObject({
      state: { status: "completed" },
      progress: { attempts: 1, fence: 1 },
    });
    expect([await s.noted(), await s.inGate()]).toEqual([[], []]);
  });

  it("is worked though there are more than are taken at once", async () => {
    const s = await fresh();
    const id = await s.ticket();
    const ghosts = Array.from({ length: 60 }, () => crypto.randomUUID());
    await s.upstash.redis("SADD", noteKey, id, ...ghosts);
    await s.scheduled();
    expect(await s.noted()).toEqual([]);
    expect(await s.statusOf(id)).toBe("completed");
  });

  it("costs one command a minute while nothing is noted", async () => {
    const s = await fresh();
    await s.scheduled();
    expect(await s.upstash.asked()).toEqual(["SPOP"]);
    expect(await lookAtGate(env, "mock")).toEqual([]);
    expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 0 } });
  });
});
