/** How a ticket comes to be: admitted by its gate once, or not at all. */
import { describe, expect, it } from "vitest";
import type { Admitted } from "../../src/domain/gate/view.ts";
import { StoreAway } from "../../src/gateway/ports.ts";
import { draftOf } from "../contracts/tickets.ts";
import { startMs, world } from "./ticket-world.ts";

const settled = {
  kind: "failed",
  failure: { reason: "truncated" },
  spent: { calls: 1, costUsd: null },
} as const;

/** Whose gate answers when the test says so. */
function slow() {
  const { gate } = world();
  if (gate.kind !== "away") throw new Error(gate.kind);
  const answers: ((admitted: Admitted | null) => void)[] = [];
  const made = world();
  const w = world({
    gate: {
      ...gate,
      asked: { read: () => made.state.asked, write: (asked) => void (made.state.asked = asked) },
      withdraw: async () => void made.told.push("withdraw"),
      admit: () =>
        new Promise<Admitted>((resolve, reject) => {
          answers.push((admitted) => (admitted ? resolve(admitted) : reject(new StoreAway("away"))));
        }),
    },
    row: {
      ...rowOf(made.state),
    },
  });
  return { ...w, keeper: w.keeper, asked: made, answers };
}

function rowOf(state: ReturnType<typeof world>["state"]) {
  const row = {
    read: () => state.stored,
    insert: (ticket: NonNullable<typeof state.stored>) => {
      state.stored = ticket;
      return null;
    },
    write: (ticket: NonNullable<typeof state.stored>) => void (state.stored = ticket),
  };
  return {
    read: row.read,
    change: async <T>(work: (open: typeof row) => T) => work(row),
    async erase() {
      state.stored = null;
      state.asked = null;
    },
  };
}

const admitted = {
  kind: "admitted",
  estimate: { position: 3, why: "turn", waitMs: 5_000, opensAtMs: startMs },
} as const;

describe("a ticket whose gate is a hop away", () => {
  it("is stored with what it asks, asks once, and is kept with the gate's estimate, which has heard of it", async () => {
    const { keeper, state, told } = world();
    const draft = draftOf();
    const created = await keeper.create(draft);
    expect(created).toMatchObject({ kind: "kept", estimate: admitted.estimate });
    expect(told).toEqual(["admit"]);
    expect(state.items).toMatchObject([{ ticketId: draft.about.id, acceptedAtMs: startMs }]);
    expect(state.asked).toBeNull();
    expect(state.stored).toMatchObject({
      about: { acceptedAtMs: startMs },
      progress: { events: 1, gateHeard: 1 },
    });
  });

  it("is not there before it is admitted: nobody finds, claims or settles it, and no text is stored", async () => {
    const { keeper, asked, answers } = slow();
    const creating = keeper.create(draftOf());
    await turn();
    expect(asked.state.asked).not.toBeNull();
    expect(asked.state.stored).toBeNull();
    expect(JSON.stringify(asked.state.asked)).not.toContain("Essay of A");
    expect(await keeper.claim("p", false)).toBeNull();
    expect(await keeper.settle(1, settled)).toEqual({ kind: "stale" });
    answers[0]?.(admitted);
    expect((await creating).kind).toBe("kept");
  });

  it("lets who looks for it wait for the answer: a worker may come before that", async () => {
    const { keeper, answers } = slow();
    const creating = keeper.create(draftOf());
    await turn();
    const [loaded, reminded] = [keeper.load(), keeper.remind()];
    await turn();
    answers[0]?.(admitted);
    await creating;
    expect(await loaded).toMatchObject({ state: { status: "queued" } });
    expect(await reminded).toBe(true);
  });

  it("asks one question for all who create it meanwhile", async () => {
    const { keeper, answers } = slow();
    const draft = draftOf();
    const creating = [keeper.create(draft), keeper.create(draft)];
    await turn();
    expect(answers).toHaveLength(1);
    answers[0]?.(admitted);
    const [first, second] = await Promise.all(creating);
    expect(second).toEqual(first);
  });

  it("leaves nothing where the queue is full", async () => {
    const { keeper, state, told } = world();
    state.admitted = { kind: "full" };
    expect(await keeper.create(draftOf())).toEqual({ kind: "full" });
    expect([state.stored, state.asked, state.alarmAtMs]).toEqual([null, null, Infinity]);
    expect(told).toEqual(["admit"]);
  });

  it("withdraws what isn't answered, again and again until that is heard, asks no second time, and is gone", async () => {
    const { keeper, state, told, until } = world();
    state.isAway = true;
    await expect(keeper.create(draftOf())).rejects.toThrow(StoreAway);
    await turn();
    expect(told).toEqual(["admit", "withdraw"]);
    expect(await keeper.load()).toBeNull();
    await until(startMs + 9_000);
    expect(new Set(told.slice(1))).toEqual(new Set(["withdraw"]));
    expect(told.length).toBeGreaterThan(3);
    expect(state.asked).not.toBeNull();
    state.isAway = false;
    await until(startMs + 60_000);
    expect([state.stored, state.asked, state.alarmAtMs]).toEqual([null, null, Infinity]);
    expect(told.filter((what) => what === "admit")).toHaveLength(1);
    expect(new Set(state.items.map(({ acceptedAtMs }) => acceptedAtMs))).toEqual(new Set([startMs]));
  });

  it("withdraws at its start what another life has asked, though the gate may have said yes", async () => {
    const w = slow();
    const creating = w.keeper.create(draftOf()).catch((error: unknown) => error);
    await turn();
    w.revive();
    await turn();
    expect(w.asked.told).toEqual(["withdraw"]);
    expect([w.asked.state.stored, w.asked.state.asked]).toEqual([null, null]);
    // Of the life that is over nobody hears any more.
    w.answers[0]?.(admitted);
    expect(await creating).toBeInstanceOf(StoreAway);
    expect(w.asked.state.stored).toBeNull();
  });

  it("withdraws after ten seconds, and is not kept by an answer that comes then", async () => {
    const w = slow();
    const creating = w.keeper.create(draftOf()).catch((error: unknown) => error);
    await turn();
    expect(w.state.alarmAtMs).toBe(startMs + 10_000);
    w.state.nowMs = startMs + 9_999;
    await w.keeper.ring();
    expect(w.asked.told).toEqual([]);
    w.state.nowMs = startMs + 10_000;
    await w.keeper.ring();
    expect(w.asked.told).toEqual(["withdraw"]);
    w.answers[0]?.(admitted);
    expect(await creating).toBeInstanceOf(StoreAway);
    expect([w.asked.state.stored, w.asked.state.asked]).toEqual([null, null]);
  });

  it("is asked for anew under its id once what was asked before is taken back, and not before", async () => {
    const { keeper, state, told } = world();
    const draft = draftOf();
    state.isAway = true;
    await expect(keeper.create(draft)).rejects.toThrow(StoreAway);
    await turn();
    told.length = 0;
    state.nowMs += 5_000;
    await expect(keeper.create(draft)).rejects.toThrow(StoreAway);
    expect(told).toEqual(["withdraw"]);
    state.isAway = false;
    expect(await keeper.create(draft)).toMatchObject({ kind: "kept" });
    expect(told).toEqual(["withdraw", "withdraw", "admit"]);
    expect(state.items.at(-1)?.acceptedAtMs).toBe(startMs + 5_000);
  });
});

describe("a ticket whose gate is in the same process", () => {
  function here() {
    const said: string[] = [];
    const answer = { admitted: { ...admitted } as Admitted };
    const w = world({
      gate: {
        kind: "here",
        tell: (_, { kind }) => void said.push(kind),
        admit: () => (said.push("admit"), answer.admitted),
        withdraw: () => void said.push("withdraw"),
      },
    });
    return { ...w, keeper: w.keeper, said, answer };
  }

  it("is admitted and stored in one, and stores nothing where the queue is full", async () => {
    const { keeper, state, writes, said, answer } = here();
    answer.admitted = { kind: "full" };
    expect(await keeper.create(draftOf())).toEqual({ kind: "full" });
    expect([state.stored, state.alarmAtMs]).toEqual([null, Infinity]);
    answer.admitted = { ...admitted };
    expect(await keeper.create(draftOf())).toMatchObject({ kind: "kept", estimate: admitted.estimate });
    expect(said).toEqual(["admit", "admit"]);
    expect(writes).toHaveLength(1);
  });

  it("gives its place back where it can't be stored", async () => {
    const said: string[] = [];
    const { keeper } = world({
      gate: {
        kind: "here",
        tell: () => {},
        admit: () => (said.push("admit"), admitted),
        withdraw: () => void said.push("withdraw"),
      },
      row: { read: () => null, change: () => Promise.reject(new StoreAway("full")), erase: async () => {} },
    });
    await expect(keeper.create(draftOf())).rejects.toThrow(StoreAway);
    expect(said).toEqual(["admit", "withdraw"]);
  });

  it("asks nobody for one that is there already", async () => {
    const { keeper, said } = here();
    const draft = draftOf();
    await keeper.create(draft);
    said.length = 0;
    expect(await keeper.create(draft)).toMatchObject({ kind: "kept", estimate: null });
    expect(said).toEqual(["enqueue"]);
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
