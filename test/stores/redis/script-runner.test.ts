/** Calls of the script: which go together, and what each of them hears. */
import { describe, expect, it } from "vitest";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { createScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import type { GateCall, GateCalls, Schedule } from "../../../src/stores/redis/script/calls.ts";
import { NotDone } from "../../../src/stores/failover/primary-store.ts";
import { manualClock } from "../../support/clock.ts";
import { limits } from "../../support/sqlite-store.ts";

type Run = { readonly batch: GateCalls; readonly texts: readonly string[]; readonly needsRoom: boolean };
type Reply = (run: Run) => readonly unknown[];

/** Each call is told its own name. */
const echo: Reply = ({ batch }) => [
  '{"nowMs":5000}',
  ...batch.calls.map((call) => ["ticketId" in call ? call.ticketId : call.verb]),
];

function calling(reply: Reply = echo) {
  const runs: Run[] = [];
  const moment: (() => void)[] = [];
  const schedules: Schedule[] = [];
  const script = createScriptRunner({
    redis: {
      async run(call, texts, needsRoom) {
        const run = { batch: JSON.parse(call) as GateCalls, texts, needsRoom };
        runs.push(run);
        return reply(run);
      },
      command: () => Promise.reject(new Error("no command is needed")),
    },
    limits,
    clock: manualClock(),
    random: () => 0.5,
    onSchedule: (_provider, schedule) => schedules.push(schedule),
    soon: (send) => moment.push(send),
  });
  const endMoment = () => {
    for (const send of moment.splice(0)) send();
  };
  return { script, runs, schedules, endMoment };
}

const estimate = (ticketId: string): GateCall => ({ verb: "outlook", ticketId });
const create = (ticketId: string) =>
  ({
    verb: "create",
    always: false,
    item: { ticketId, priority: 0, acceptedAtMs: 1, sizeBytes: 1, model: '"m"', tenant: "", comparison: "" },
    owner: "one",
    facts: { version: 1, expiresAtMs: 2, events: 1, fence: 0, forgetAtMs: null },
    notice: { kind: "nothing" },
    dueMs: 2,
  }) as const;
const verbsOf = ({ batch }: Run) => batch.calls.map(({ verb }) => verb);

describe("calls of one moment", () => {
  it("about one gate are one run, in their order, and each hears its own answer", async () => {
    const { script, runs, endMoment, schedules } = calling();
    const asked = ["one", "two", "three"].map((id) => script.atGate("openai", estimate(id)));
    expect(runs).toEqual([]);
    endMoment();
    expect(await Promise.all(asked)).toEqual([["one"], ["two"], ["three"]]);
    expect(runs).toHaveLength(1);
    expect(schedules).toEqual([{ nowMs: 5000, wakeAtMs: null, listeners: null }]);
  });

  it("of two gates are two runs", async () => {
    const { script, runs, endMoment } = calling();
    const asked = [script.atGate("openai", estimate("one")), script.atGate("google", estimate("two"))];
    endMoment();
    expect(await Promise.all(asked)).toEqual([["one"], ["two"]]);
    expect(runs.map(({ batch }) => batch.provider)).toEqual(["openai", "google"]);
  });

  it("that need room go apart from those that make it", async () => {
    const { script, runs, endMoment } = calling();
    const asked = [
      script.atGate("openai", create("one"), ["record"]),
      script.atGate("openai", estimate("two")),
      script.atGate("openai", create("three"), ["record", "texts"]),
    ];
    endMoment();
    await Promise.all(asked);
    expect(runs.map((run) => [run.needsRoom, verbsOf(run)])).toEqual([
      [true, ["create", "create"]],
      [false, ["outlook"]],
    ]);
  });

  it("bring their texts along, and say how many are whose", async () => {
    const { script, runs, endMoment } = calling();
    const asked = [
      script.atGate("openai", create("one"), ["a"]),
      script.atGate("openai", create("two"), ["b", "c"]),
    ];
    endMoment();
    await Promise.all(asked);
    expect(runs[0]?.texts).toEqual(["a", "b", "c"]);
    expect(runs[0]?.batch.calls.map(({ texts }) => texts)).toEqual([1, 2]);
  });

  it("are at most 32 in one run", async () => {
    const { script, runs, endMoment } = calling();
    const ids = Array.from({ length: 70 }, (_, index) => `ticket ${index}`);
    const asked = ids.map((id) => script.atGate("openai", estimate(id)));
    endMoment();
    expect(await Promise.all(asked)).toEqual(ids.map((id) => [id]));
    expect(runs.map(({ batch }) => batch.calls.length)).toEqual([32, 32, 6]);
  });

  it("are fewer where their texts are long", async () => {
    const { script, runs, endMoment } = calling();
    const long = "x".repeat(400_000);
    const asked = Array.from({ length: 5 }, (_, index) =>
      script.atGate("openai", create(`ticket ${index}`), [long]),
    );
    endMoment();
    await Promise.all(asked);
    expect(runs.map(({ batch }) => batch.calls.length)).toEqual([3, 2]);
  });

  it("wait for no call of the next", async () => {
    const { script, runs, endMoment } = calling();
    const first = script.atGate("openai", estimate("one"));
    endMoment();
    const second = script.atGate("openai", estimate("two"));
    endMoment();
    expect(await Promise.all([first, second])).toEqual([["one"], ["two"]]);
    expect(runs).toHaveLength(2);
  });

  it("fail each for itself", async () => {
    const { script, endMoment } = calling(() => ["{}", ["fine"], ["failed", "a bug"], ["fine"]]);
    const asked = ["one", "two", "three"].map((id) => script.atGate("openai", estimate(id)));
    endMoment();
    const ends = await Promise.allSettled(asked);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await expect(asked[1]).rejects.toThrow(StoreAway);
  });

  it("all hear where nothing was done", async () => {
    const { script, endMoment } = calling(() => {
      throw new NotDone("refused", "no room");
    });
    const asked = ["one", "two"].map((id) => script.atGate("openai", create(id)));
    endMoment();
    for (const one of asked) await expect(one).rejects.toThrow(NotDone);
  });
});
