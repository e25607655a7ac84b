import { expect, it } from "vitest";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import { dispatch } from "../../../src/domain/gate/dispatch.ts";
import { enqueue, requeue } from "../../../src/domain/gate/queue.ts";
import type { PlaceState } from "../../../src/domain/gate/places.ts";
import { newGate } from "../../../src/domain/gate/gate.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import {
  fault,
  gateWorld,
  healthy,
  limits,
  nothing,
  place,
  refused,
  queueItem,
} from "../durable-builders.ts";

const standings: Record<PlaceState["state"], PlaceState> = {
  waiting: { state: "waiting" },
  dispatched: { state: "dispatched", untilMs: 500 },
  running: { state: "running", untilMs: 500, permit: "p" },
};
const asMine = { notBeforeMs: 7, suspect: true, permit: "p" };

// Every state meets every verb. What moves a place is in this table; the rest leaves it where it is.
it.each<[PlaceState["state"] | "none", string, string, string]>([
  ["none", "waiting", "waiting", "waiting"],
  ["waiting", "waiting", "waiting", "waiting"],
  ["dispatched", "dispatched", "waiting", "waiting"],
  ["running", "running", "waiting", "running"],
])(
  "a place that is %s: enqueue -> %s, requeue by its caller -> %s, requeue by another -> %s",
  (state, ...after) => {
    const known = state === "none" ? null : place("a", { standing: standings[state] });
    const states = [
      enqueue(queueItem("a"), known, 7, 100),
      requeue(queueItem("a"), known, asMine, 100),
      requeue(queueItem("a"), known, { ...asMine, permit: "other" }, 100),
    ].map((next) => next?.standing.state);
    expect(states).toEqual(after);
  },
);

it("admits a ticket once, however often it is asked, also when the queue is full by then", () => {
  const { keeper, places } = gateWorld({ maxSize: 1 });
  const first = keeper.admit(queueItem("a"), 5);
  expect(first).toMatchObject({ kind: "admitted", estimate: { position: 1, why: "backoff", waitMs: 5 } });
  expect(places.find("a")).toMatchObject({ standing: { state: "waiting" }, notBeforeMs: 5 });
  expect(keeper.admit(queueItem("a"), 5)).toEqual(first);
  expect(keeper.admit(queueItem("b"), 5)).toEqual({ kind: "full" });
  expect(places.load().size).toBe(1);
});

it("leaves nothing of what was withdrawn, whichever comes first, and admits what is accepted anew", () => {
  const { keeper, places, world } = gateWorld();
  const first = queueItem("a", { acceptedAtMs: 1 });
  keeper.admit(first, 0);
  keeper.withdraw(first);
  expect(places.find("a")).toBeNull();
  // Long under way, and perhaps sent twice.
  world.nowMs = 3_599_999;
  expect(keeper.admit(first, 0)).toEqual({ kind: "full" });
  expect(places.find("a")).toBeNull();
  const second = queueItem("a", { acceptedAtMs: 2 });
  expect(keeper.admit(second, 0)).toMatchObject({ kind: "admitted" });
  // The first again: it is not the one that has a place.
  keeper.withdraw(first);
  expect(places.find("a")).toMatchObject(second);
});

it("gives the turn back that a withdrawn ticket had as a probe", () => {
  const { keeper, keep, tell, world, gate } = gateWorld();
  keep("a", { acceptedAtMs: 1 });
  tell(fault, fault, fault);
  world.nowMs = 10_000;
  expect(keeper.look().send).toEqual(["a"]);
  expect(gate().breaker).toMatchObject({ state: "half_open", probe: { permit: "a" } });
  keeper.withdraw(queueItem("a", { acceptedAtMs: 1 }));
  expect(gate().breaker).toMatchObject({ state: "half_open", probe: null });
});

it("takes in a stored ticket whose place was lost, also when the queue is full: it was promised", () => {
  const { keeper, keep, places } = gateWorld({ maxSize: 1 });
  keep("b");
  keeper.enqueue(queueItem("a"), 0);
  expect(places.find("a")?.standing).toEqual({ state: "waiting" });
});

it("refuses from the high watermark until below the low one, by count", () => {
  const { keep, keeper } = gateWorld();
  for (let i = 0; i < 8; i++) expect(keep(`t${i}`)).toBe("admitted");
  expect(keep("t8")).toBe("full");
  keeper.remove("t0");
  keeper.remove("t1");
  expect(keep("t8")).toBe("full");
  keeper.remove("t2");
  expect(keep("t8")).toBe("admitted");
});

it("refuses from the high watermark until below the low one, by bytes", () => {
  const { keep, keeper } = gateWorld();
  keep("big", { sizeBytes: 800 });
  expect(keep("small", { sizeBytes: 1 })).toBe("full");
  keeper.remove("big");
  expect(keep("small", { sizeBytes: 1 })).toBe("admitted");
});

it("sends as many as there are permits, in order, and no ticket twice", () => {
  const { keep, keeper } = gateWorld({ concurrency: 2 });
  keep("old", { acceptedAtMs: 1 });
  keep("young", { acceptedAtMs: 2 });
  keep("urgent", { acceptedAtMs: 3, priority: 1 });
  expect(keeper.look().send).toEqual(["urgent", "old"]);
  expect(keeper.look().send).toEqual([]);
  keeper.remove("old");
  expect(keeper.look().send).toEqual(["young"]);
});

it("takes a ticket back that nobody claimed within 30 s, and not a millisecond before", () => {
  const { keep, keeper, world } = gateWorld();
  keep("a");
  keeper.look();
  expect(keeper.look(0).wakeAtMs).toBe(30_000);
  world.nowMs = 29_999;
  expect(keeper.look().send).toEqual([]);
  world.nowMs = 30_000;
  expect(keeper.look().send).toEqual(["a"]);
});

it("takes a ticket back whose caller's lease is over, and not a millisecond before", () => {
  const { keep, keeper, begin, world } = gateWorld();
  keep("a");
  keeper.look();
  expect(begin("a", "p")).toEqual({ kind: "call", epoch: 0, asProbe: false, leaseEndsAtMs: 75_000 });
  world.nowMs = 74_999;
  expect(begin("a", "q")).toEqual({ kind: "busy", untilMs: 75_000 });
  world.nowMs = 75_000;
  expect(keeper.look().send).toEqual(["a"]);
});

it("tells a caller that asks twice the same, and counts its permit once", () => {
  const { keep, keeper, begin, places, world } = gateWorld({ concurrency: 1 });
  keep("a");
  keeper.look();
  const first = begin("a", "p");
  world.nowMs = 5;
  expect(begin("a", "p")).toEqual(first);
  expect(places.load().inFlight).toBe(1);
});

it("lets a ticket wait for a permit, and its place with it", () => {
  const { keep, begin, places } = gateWorld({ concurrency: 1 });
  keep("a");
  keep("b");
  begin("a", "p");
  expect(begin("b", "q")).toEqual({ kind: "wait", why: "turn", retryAtMs: null });
  expect(places.find("b")?.standing).toEqual({ state: "waiting" });
});

it("lets a ticket wait for its own backoff, as the ticket says it, to the millisecond", () => {
  const { keep, keeper, world } = gateWorld();
  keep("a");
  keeper.look();
  const early = keeper.start(queueItem("a"), { permit: "p", notBeforeMs: 500, suspect: false });
  expect(early).toEqual({ kind: "wait", why: "backoff", retryAtMs: 500 });
  world.nowMs = 499;
  expect(keeper.look().send).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(500);
  world.nowMs = 500;
  expect(keeper.look().send).toEqual(["a"]);
});

const limited: CallReport = { ...nothing, finding: { kind: "rate_limited", model: "m", holdMs: 5_000 } };

it("skips tickets of a held model, and wakes for them when the hold ends", () => {
  const { keep, keeper, tell, begin, world } = gateWorld();
  keep("a");
  keep("b", { model: "n" });
  tell(limited);
  expect(keeper.look().send).toEqual(["b"]);
  expect(begin("a", "p")).toEqual({ kind: "wait", why: "rate_limit", retryAtMs: 5_000 });
  expect(keeper.look(0).wakeAtMs).toBe(5_000);
  world.nowMs = 5_000;
  expect(keeper.look().send).toEqual(["a"]);
});

it("sends nothing at an open breaker, then one probe, whose turn a live call can't take", () => {
  const { keep, keeper, tell, begin, world } = gateWorld();
  keep("a");
  keep("b");
  tell(fault, fault, fault);
  expect(keeper.look().send).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(10_000);
  expect(begin("a", "p")).toEqual({ kind: "wait", why: "breaker", retryAtMs: 10_000 });
  world.nowMs = 10_000;
  expect(keeper.look().send).toEqual(["a"]);
  expect(keeper.look().send).toEqual([]);
  expect(keeper.enter("live", { tenant: "", model: "m" }).admission.kind).toBe("wait");
  expect(begin("b", "q")).toEqual({ kind: "wait", why: "breaker", retryAtMs: 40_000 });
  expect(begin("a", "p")).toMatchObject({ kind: "call", asProbe: true, epoch: 1 });
});

it("recovers without live traffic: a good probe is followed by the next, then 1 ticket, 3, and all", () => {
  const { keep, keeper, tell, begin, world } = gateWorld({ maxSize: 100, concurrency: 8 });
  for (let i = 0; i < 20; i++) keep(`t${String(i).padStart(2, "0")}`);
  tell(fault, fault, fault);
  world.nowMs = 10_000;
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    const sent = keeper.look().send;
    rounds.push(sent.length);
    for (const id of sent) {
      begin(id, `p-${id}`);
      tell({ ...healthy, permit: `p-${id}`, epoch: 1 });
      keeper.remove(id);
    }
  }
  expect(rounds).toEqual([1, 1, 1, 3, 8]);
});

it("takes another ticket for the next probe, so that one can't keep the breaker open, and round again", () => {
  const { keep, keeper, tell, begin, world } = gateWorld();
  keep("bad", { priority: 9 });
  keep("b");
  tell(fault, fault, fault);
  const probed: (string | undefined)[] = [];
  for (let round = 0; round < 4; round++) {
    world.nowMs = keeper.look(0).wakeAtMs ?? -1;
    const [id = "none"] = keeper.look().send;
    probed.push(id);
    begin(id, `p${round}`);
    tell({ ...fault, permit: `p${round}` });
    keeper.requeue(queueItem(id), { notBeforeMs: 0, suspect: false, permit: `p${round}` });
  }
  expect(probed).toEqual(["bad", "b", "bad", "b"]);
});

it("notes when a ticket last probed, whether the gate chose it or it came by itself", () => {
  const { keep, keeper, tell, begin, places, world } = gateWorld();
  keep("a");
  keep("b");
  tell(fault, fault, fault);
  world.nowMs = 10_000;
  keeper.look();
  begin("a", "pa");
  expect(places.find("a")?.probes).toBe(10_000);
  tell({ ...healthy, permit: "pa" });
  world.nowMs = 10_001;
  begin("b", "pb");
  expect(places.find("b")?.probes).toBe(10_001);
});

it("gives the turn of a probe that was sent and never claimed to another, when 30 s are over", () => {
  const { keep, keeper, tell, world } = gateWorld();
  keep("a");
  keep("b");
  tell(fault, fault, fault);
  world.nowMs = 10_000;
  expect(keeper.look().send).toEqual(["a"]);
  world.nowMs = 39_999;
  expect(keeper.look().send).toEqual([]);
  world.nowMs = 40_000;
  expect(keeper.look().send).toEqual(["b"]);
});

it("gives the turn back at once when the chosen ticket may not start, has ended or is parked", () => {
  const end: ((given: ReturnType<typeof gateWorld>) => unknown)[] = [
    ({ keeper }) => keeper.start(queueItem("a"), { permit: "p", notBeforeMs: 10 ** 9, suspect: false }),
    ({ keeper }) => keeper.remove("a"),
    ({ keeper }) => keeper.requeue(queueItem("a"), { notBeforeMs: 10 ** 9, suspect: false, permit: null }),
  ];
  for (const act of end) {
    const given = gateWorld();
    given.keep("a");
    given.keep("b");
    given.tell(fault, fault, fault);
    given.world.nowMs = 10_000;
    expect(given.keeper.look().send).toEqual(["a"]);
    act(given);
    expect(given.keeper.look().send).toEqual(["b"]);
  }
});

it("does not exceed the permits for a probe either", () => {
  const { keep, keeper, tell, begin, world } = gateWorld({ concurrency: 1 });
  keep("a");
  keep("b");
  keeper.look();
  begin("a", "p");
  tell(fault, fault, fault);
  world.nowMs = 10_000;
  expect(keeper.look().send).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(75_000);
});

it("lets one ticket ask with refused credentials: after the recovery time, then after twice that", () => {
  const { keep, keeper, tell, begin, world } = gateWorld();
  keep("a");
  keep("b");
  tell(refused);
  expect(begin("a", "x")).toEqual({ kind: "wait", why: "credentials", retryAtMs: 10_000 });
  world.nowMs = 9_999;
  expect(keeper.look().send).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(10_000);
  world.nowMs = 10_000;
  expect(keeper.look().send).toEqual(["a"]);
  expect(begin("a", "p")).toMatchObject({ kind: "call", asProbe: true });
  tell({ ...refused, permit: "p" });
  keeper.requeue(queueItem("a"), { notBeforeMs: 0, suspect: false, permit: "p" });
  expect(keeper.look().send).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(30_000);
  expect(keeper.estimate("b")).toEqual({
    position: 2,
    why: "credentials",
    refused: "credentials_refused",
    waitMs: null,
    opensAtMs: 30_000,
  });
});

it("estimates no wait for credentials, not even for who is next: nobody can say when they are mended", () => {
  const { keep, keeper, tell } = gateWorld();
  keep("a");
  tell(refused);
  expect(keeper.estimate("a")).toEqual({
    position: 1,
    why: "credentials",
    refused: "credentials_refused",
    waitMs: null,
    opensAtMs: 10_000,
  });
});

it("lets the next ticket ask at once, when the asker's call ended without an answer about the credentials", () => {
  const { keep, keeper, tell, begin, world } = gateWorld();
  keep("a");
  keep("b");
  tell(refused);
  world.nowMs = 10_000;
  const [id = "none"] = keeper.look().send;
  begin(id, "p");
  tell({ ...fault, permit: "p" });
  keeper.requeue(queueItem(id), { notBeforeMs: 0, suspect: false, permit: "p" });
  expect(keeper.look().send).toEqual(["b"]);
});

it("asks again at a start of the service, without waiting for its time", () => {
  const { keep, keeper, tell, world } = gateWorld();
  keep("a");
  tell(refused);
  world.nowMs = 1;
  keeper.started(true);
  expect(keeper.look().send).toEqual(["a"]);
});

it("needs both turns when the breaker is open and the credentials are refused", () => {
  const { keep, keeper, tell, begin, world } = gateWorld({ maxOpenMs: 10_000 });
  keep("a");
  tell(fault, fault, fault);
  world.nowMs = 4_000;
  tell(refused);
  expect(keeper.look(0).wakeAtMs).toBe(14_000);
  world.nowMs = 14_000;
  expect(keeper.look().send).toEqual(["a"]);
  expect(begin("a", "p")).toMatchObject({ asProbe: true });
  tell({ ...healthy, permit: "p" });
  expect(keeper.status()).toMatchObject({ refused: null, state: "half_open" });
});

it("never has two suspects in flight at once, while others run beside the one", () => {
  const { keep, keeper, begin, places, world } = gateWorld();
  for (const id of ["a", "b", "c"]) keep(id);
  for (const id of ["b", "c"]) keeper.requeue(queueItem(id), { notBeforeMs: 0, suspect: true, permit: null });
  expect(keeper.look().send).toEqual(["b", "a"]);
  expect(begin("c", "pc", {}, true)).toEqual({ kind: "wait", why: "turn", retryAtMs: null });
  expect(begin("b", "pb", {}, true)).toMatchObject({ kind: "call" });
  expect(places.load().suspectsInFlight).toBe(1);
  expect(keeper.look().send).toEqual([]);
  // Nothing to wake for but a: its dispatch is taken back.
  expect(keeper.look(0).wakeAtMs).toBe(30_000);
  world.nowMs = 10;
  keeper.remove("b");
  expect(keeper.look().send).toEqual(["c"]);
});

it("learns from the ticket that it is a suspect, when it starts", () => {
  const { keep, keeper, begin } = gateWorld();
  keep("a");
  keep("b");
  keeper.look();
  begin("a", "pa", {}, true);
  expect(begin("b", "pb", {}, true)).toEqual({ kind: "wait", why: "turn", retryAtMs: null });
});

it("lets all in flight wait again, when the only process has started anew", () => {
  const { keep, keeper, begin } = gateWorld();
  keep("a");
  keep("b");
  keeper.look();
  begin("a", "p");
  keeper.started(false);
  expect(keeper.look().send).toEqual([]);
  keeper.started(true);
  expect(keeper.look().send).toEqual(["a", "b"]);
});

it("makes a lost place again from what the ticket says", () => {
  const { keeper, begin, places } = gateWorld();
  expect(begin("lost", "p", { priority: 4, sizeBytes: 9 })).toMatchObject({ kind: "call" });
  expect(places.find("lost")).toMatchObject({ priority: 4, sizeBytes: 9, standing: { permit: "p" } });
  keeper.remove("lost");
  keeper.remove("lost");
  expect(places.load().size).toBe(0);
});

it("asks after a ticket that was silent for five minutes, once in that time", () => {
  const { keep, keeper, tell, world } = gateWorld({ recoveryMs: 10 ** 7, maxOpenMs: 10 ** 7 });
  keep("a");
  tell(fault, fault, fault);
  expect(keeper.look(0).wakeAtMs).toBe(300_000);
  world.nowMs = 299_999;
  expect(keeper.look(0).silent).toEqual([]);
  world.nowMs = 300_000;
  expect(keeper.look(0).silent).toEqual(["a"]);
  expect(keeper.look(0).silent).toEqual([]);
  expect(keeper.look(0).wakeAtMs).toBe(600_000);
  keeper.enqueue(queueItem("a"), 0);
});

it("needs no alarm when nobody waits", () => {
  const { keeper, tell } = gateWorld();
  tell(fault, fault, fault);
  expect(keeper.look(0).wakeAtMs).toBeNull();
});

it("tells where a ticket stands and for how long, and nothing of one that runs or is unknown", () => {
  const { keep, keeper, tell, begin, world } = gateWorld({ concurrency: 1 });
  keep("a", { acceptedAtMs: 1 });
  keep("b", { acceptedAtMs: 2 });
  keep("c", { acceptedAtMs: 3 });
  expect(keeper.estimate("c")).toEqual({ position: 3, why: "turn", waitMs: null, opensAtMs: 0 });
  tell({ ...healthy, durationMs: 2_000 });
  expect(keeper.estimate("c")).toEqual({ position: 3, why: "turn", waitMs: 4_000, opensAtMs: 0 });
  tell(fault, fault, fault);
  expect(keeper.estimate("c")).toEqual({ position: 3, why: "breaker", waitMs: 14_000, opensAtMs: 10_000 });
  expect(keeper.estimate("nobody")).toBeNull();
  world.nowMs = 10_000;
  keeper.look();
  begin("a", "p");
  expect(keeper.estimate("a")).toBeNull();
  expect(keeper.estimate("b")).toMatchObject({ position: 1, why: "breaker" });
});

it("says why a ticket waits: its model's hold, or its own backoff", () => {
  const { keep, keeper, tell } = gateWorld();
  keep("a");
  keeper.requeue(queueItem("a"), { notBeforeMs: 2_000, suspect: false, permit: null });
  expect(keeper.estimate("a")).toEqual({ position: 1, why: "backoff", waitMs: 2_000, opensAtMs: 0 });
  tell(limited);
  expect(keeper.estimate("a")).toEqual({ position: 1, why: "rate_limit", waitMs: 5_000, opensAtMs: 0 });
});

it("measures how fast the queue drains, but not across an outage", () => {
  const { keep, keeper, begin, tell, world, gate } = gateWorld({ concurrency: 1, maxSize: 100 });
  for (const id of ["a", "b", "c", "d"]) keep(id);
  const end = (id: string, atMs: number) => {
    world.nowMs = atMs;
    begin(id, `p${id}`);
    keeper.remove(id);
  };
  end("a", 1_000);
  end("b", 1_700);
  expect(gate().vitals.meanDrainGapMs).toBe(700);
  tell(fault, fault, fault);
  expect(gate().vitals.drainingSinceMs).toBeNull();
});

it("does not take a ticket that expired while it waited for one that the queue has worked off", () => {
  const { keep, keeper, gate, begin } = gateWorld();
  for (const id of ["a", "b", "c"]) keep(id);
  keeper.remove("a");
  expect(gate().vitals.drainingSinceMs).toBeNull();
  begin("b", "p");
  keeper.remove("b");
  expect(gate().vitals.drainingSinceMs).toBe(0);
});

it("shows at once that no more are accepted, and that they are again", () => {
  const { keep, keeper, tell } = gateWorld();
  for (let i = 0; i < 8; i++) keep(`t${i}`);
  expect(keeper.status().queue.accepting).toBe(false);
  expect(tell().accepting).toBe(false);
  for (let i = 0; i < 3; i++) keeper.remove(`t${i}`);
  expect(tell().accepting).toBe(true);
});

it("sends one suspect at most, and none beside another, whatever candidates it is given", () => {
  const suspects = ["a", "b"].map((id) => place(id, { suspect: true }));
  const sent = (suspectsInFlight: number) => {
    const table = memoryPlaces();
    const places = { ...table, load: () => ({ ...table.load(), suspectsInFlight }) };
    for (const suspect of suspects) places.put(suspect);
    return dispatch(newGate, places, 0, limits).places.map((one) => one.ticketId);
  };
  expect(sent(0)).toEqual(["a"]);
  expect(sent(1)).toEqual([]);
});

it("stores at once what must not be lost, and counters when it suits", () => {
  const { tell, world, keeper } = gateWorld();
  tell(healthy);
  expect(world.saves).toBe(0);
  tell(fault, fault, fault);
  expect(world.saves).toBe(1);
  world.nowMs = 10_000;
  keeper.enter("p", { tenant: "", model: "m" });
  expect(world.saves).toBe(2);
});
