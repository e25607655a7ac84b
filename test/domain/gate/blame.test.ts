/** Whose trouble stops whom at a gate: holds of models and of the account, who asks again, who probes, and what a report is told in return. */
import { describe, expect, it } from "vitest";
import type { CallFacts, Finding, CallReport } from "../../../src/domain/gate/call-report.ts";
import { fault, gateWorld, healthy, nothing, queueItem } from "../durable-builders.ts";

const judged: Finding = { kind: "healthy", judged: true };
const limited = (holdMs: number, model = "m"): Finding => ({ kind: "rate_limited", model, holdMs });
const refusedModel = (model = "m"): Finding => ({ kind: "refused", why: "credentials_refused", model });
const refusedAccount: Finding = { kind: "refused", why: "credentials_refused" };

/** Names are padded to hashes. */
const hash = (name: string) => name.padEnd(16, "0");

function call(given: Partial<CallFacts> = {}, permit: string | null = null) {
  const facts: CallFacts = {
    comparison: "c",
    tenant: "t",
    model: "m",
    beganAgoMs: 10,
    beforeAgoMs: 1_000,
    ...given,
  };
  return (finding: Finding, more: Partial<CallReport> = {}): CallReport => ({
    ...healthy,
    permit,
    finding,
    call: { ...facts, comparison: hash(facts.comparison), tenant: hash(facts.tenant) },
    ...more,
  });
}

function world(given: Parameters<typeof gateWorld>[0] = {}) {
  const gate = gateWorld({ failureThreshold: 5, maxSize: 1_000, maxBytes: 1e6, ...given });
  gate.world.nowMs = 1_000_000;
  return {
    ...gate,
    wait: (ms: number) => void (gate.world.nowMs += ms),
    keep: (id: string, of: Partial<ReturnType<typeof queueItem>> = {}) =>
      gate.keep(id, {
        acceptedAtMs: gate.world.nowMs,
        ...of,
        tenant: hash(of.tenant ?? "t"),
        comparison: hash(of.comparison ?? id),
      }),
    /** Sends what may go, and lets each be called for. @returns their ids */
    run(): readonly string[] {
      const ids = gate.keeper.look().send;
      for (const id of ids) {
        const place = gate.keeper.find(id);
        if (place) gate.keeper.start(place, { permit: `p-${id}`, notBeforeMs: 0, suspect: false });
      }
      return ids;
    },
    back(id: string, afterMs = 0) {
      const place = gate.keeper.find(id);
      const notBeforeMs = gate.world.nowMs + afterMs;
      if (place) gate.keeper.requeue(place, { notBeforeMs, suspect: false, permit: `p-${id}` });
    },
    held: () => gate.keeper.status().held,
  };
}

describe("a 429", () => {
  it("holds its model while nobody else of it is served, and another model not at all", () => {
    const { tell, held, keeper, wait } = world();
    tell(call({ comparison: "b", model: "n" })(judged));
    tell(call()(limited(5_000)));
    expect(held()).toMatchObject([{ model: "m", why: "rate_limit" }]);
    expect(keeper.enter("p", { tenant: "", model: "m" }).admission).toMatchObject({
      kind: "wait",
      why: "rate_limit",
    });
    expect(keeper.enter("p", { tenant: "", model: "n" }).admission.kind).toBe("call");
    wait(5_000);
    expect(held()).toEqual([]);
  });

  it("holds nobody where another comparison of its model was answered since its last call; its own answer is none", () => {
    for (const [comparison, isHeld] of [
      ["other", false],
      ["c", true],
    ] as const) {
      const { tell, held, wait } = world();
      tell(call({ comparison })(judged));
      wait(500);
      tell(call({ beforeAgoMs: 600 })(limited(5_000)));
      expect(held().length > 0).toBe(isHeld);
    }
  });

  it("holds where the other's answer was before its last call", () => {
    const { tell, held, wait } = world();
    tell(call({ comparison: "other" })(judged));
    wait(500);
    tell(call({ beforeAgoMs: 400 })(limited(5_000)));
    expect(held()).toHaveLength(1);
  });

  it("that names no time holds for twice as long each time in a row, up to fifteen minutes; an answer ends the row", () => {
    const { tell, held, world: at } = world();
    const unnamed: Finding = { ...limited(30_000), unnamed: true } as Finding;
    const waits = [];
    for (let i = 0; i < 7; i++) {
      tell(call()(unnamed));
      const untilMs = held()[0]?.untilMs ?? 0;
      waits.push(untilMs - at.nowMs);
      at.nowMs = untilMs;
    }
    expect(waits).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
    tell(call()(judged));
    tell(call({ beforeAgoMs: 0 })(unnamed));
    expect((held()[0]?.untilMs ?? 0) - at.nowMs).toBe(30_000);
  });

  it("is followed by a ramp of that model alone, begun by another comparison, of another tenant where one waits", () => {
    const w = world({ concurrency: 8 });
    w.keep("refused", { tenant: "a" });
    expect(w.run()).toEqual(["refused"]);
    for (const id of ["a1", "a2", "a3", "a4"]) w.keep(id, { tenant: "a" });
    w.keep("b1", { tenant: "b" });
    w.keep("other", { model: "n", tenant: "a" });
    w.tell(call({ comparison: "refused", tenant: "a" }, "p-refused")(limited(5_000)));
    w.back("refused");
    expect(w.run()).toEqual(["other"]);
    w.wait(5_000);
    expect(w.run()).toEqual(["b1"]);
    w.tell(call({ comparison: "b1", tenant: "b" }, "p-b1")(judged));
    w.keeper.remove("b1");
    expect(w.run()).toHaveLength(3);
  });

  it("refused of one tenant alone begins with another comparison of its own", () => {
    const w = world();
    w.keep("refused");
    w.run();
    w.keep("next");
    w.tell(call({ comparison: "refused" }, "p-refused")(limited(5_000)));
    w.back("refused");
    w.wait(5_000);
    expect(w.run()).toEqual(["next"]);
  });
});

describe("a model that is refused to us", () => {
  it("is held alone: live calls go out, others' tickets run, and one of its tickets asks, later and later", () => {
    const w = world();
    for (const id of ["m1", "m2", "m3"]) w.keep(id);
    w.tell(call()(refusedModel()));
    w.keep("n1", { model: "n" });
    expect(w.keeper.enter("p", { tenant: "", model: "m" }).admission.kind).toBe("call");
    expect(w.run()).toEqual(["n1"]);
    expect(w.keeper.estimate("m1")).toMatchObject({ why: "model_refused", waitMs: null });
    w.wait(10_000);
    const [asker = ""] = w.run();
    expect(["m1", "m2", "m3"]).toContain(asker);
    expect(w.run()).toEqual([]);
    w.tell(call({ comparison: asker }, `p-${asker}`)(refusedModel()));
    w.back(asker);
    w.wait(19_999);
    expect(w.run()).toEqual([]);
    w.wait(1);
    const [second = ""] = w.run();
    // Another one than the one that was refused.
    expect(second).not.toBe(asker);
    w.tell(call({ comparison: second }, `p-${second}`)(judged));
    w.keeper.remove(second);
    expect(w.held()).toEqual([]);
    expect(w.run()).toHaveLength(1);
  });

  it("is asked by another tenant's ticket each time", () => {
    const w = world();
    for (const tenant of ["a", "b"]) for (const i of [1, 2]) w.keep(`${tenant}${i}`, { tenant });
    w.tell(call({ tenant: "a" })(refusedModel()));
    const askers = [];
    for (let i = 0; i < 4; i++) {
      w.wait(900_000);
      const [asker = ""] = w.run();
      askers.push(asker.slice(0, 1));
      w.tell(call({ tenant: asker.slice(0, 1), comparison: asker }, `p-${asker}`)(refusedModel()));
      w.back(asker);
    }
    expect(askers).toEqual(["b", "a", "b", "a"]);
  });

  it("is asked again at each start, and by the next ticket where the asker learned nothing", () => {
    const w = world();
    w.keep("m1");
    w.keep("m2");
    w.tell(call()(refusedModel()));
    w.keeper.started(false);
    const [first = ""] = w.run();
    w.tell(call({ comparison: first }, `p-${first}`)({ kind: "fault" }));
    w.back(first, 60_000);
    expect(w.run()).toHaveLength(1);
  });

  it("is held for no more than eight models of one tenant; the ninth makes that ticket wait alone", () => {
    const w = world();
    for (let i = 0; i < 9; i++) {
      const told = w.tell(
        call({ model: `m${i}`, ticket: { unreadableAgoMs: null, thrownAgoMs: null } })(refusedModel(`m${i}`)),
      );
      expect((told as { others?: { held: boolean } }).others?.held).toBe(i < 8);
    }
    expect(w.held()).toHaveLength(8);
  });

  it("leaves the account alone", () => {
    const w = world();
    w.tell(call()(refusedModel()));
    expect(w.keeper.status()).toMatchObject({ refused: null, state: "closed" });
  });
});

describe("a model that is down alone", () => {
  it("is held by its own faults while another is answered, and the breaker stays closed", () => {
    const w = world();
    for (let i = 0; i < 5; i++) {
      w.tell(call({ model: "well", comparison: `w${i}` })(judged));
      w.tell(call({ model: "down", comparison: `d${i}` })({ kind: "fault" }));
      w.wait(100);
    }
    expect(w.keeper.status()).toMatchObject({ state: "closed", held: [{ model: "down", why: "faults" }] });
    expect(w.keeper.enter("p", { tenant: "", model: "down" }).admission).toMatchObject({
      kind: "wait",
      why: "model_faults",
    });
    expect(w.keeper.enter("p", { tenant: "", model: "well" }).admission.kind).toBe("call");
    // It failed again at once: twice the time, up to the longest that a breaker is open.
    const waits = [];
    for (let i = 0; i < 4; i++) {
      const untilMs = w.held()[0]?.untilMs ?? 0;
      waits.push(untilMs - w.world.nowMs);
      w.world.nowMs = untilMs;
      w.tell(call({ model: "down", comparison: "d" })({ kind: "fault" }));
    }
    expect(waits).toEqual([9_900, 20_000, 40_000, 60_000]);
  });

  it("opens the breaker where no other is answered", () => {
    const w = world();
    for (let i = 0; i < 5; i++) w.tell(call({ model: "down" })({ kind: "fault" }));
    expect(w.keeper.status()).toMatchObject({ state: "open", held: [] });
  });
});

describe("the breaker", () => {
  const storm = (w: ReturnType<typeof world>, tenant: string, model: string, faults: number) => {
    for (let i = 0; i < faults; i++)
      w.tell(call({ tenant, model, comparison: `${tenant}${i}` })({ kind: "fault" }));
  };

  it("stays closed in one tenant's storm, as long as others are answered", () => {
    const w = world();
    w.tell(call({ tenant: "good", comparison: "g" })(judged));
    storm(w, "evil", "m", 40);
    expect(w.keeper.status().state).toBe("closed");
  });

  it("opens when the others have faults too, and where there are no others", () => {
    const w = world();
    storm(w, "evil", "m", 20);
    expect(w.keeper.status().state).toBe("open");
    const both = world();
    for (let i = 0; i < 5; i++) {
      storm(both, "one", "m", 1);
      storm(both, "two", "n", 1);
    }
    expect(both.keeper.status().state).toBe("open");
  });

  it("is neither closed nor cleared by a vendor's error: as a probe it gives the turn away", () => {
    const w = world();
    storm(w, "one", "m", 5);
    w.wait(11_000);
    const { admission } = w.keeper.enter("probe", { tenant: "", model: "m" });
    expect(admission).toMatchObject({ kind: "call", probe: { permit: "probe" } });
    w.tell(call({}, "probe")({ kind: "nothing" }));
    expect(w.keeper.status().state).toBe("half_open");
    expect(w.keeper.enter("next", { tenant: "", model: "m" }).admission).toMatchObject({ kind: "call" });
  });

  it("lets the tenant probe that was asked least lately, then the model, then the ticket", () => {
    const w = world();
    for (const i of [1, 2, 3]) w.keep(`a${i}`, { tenant: "a" });
    w.keep("b1", { tenant: "b" });
    w.keep("b2", { tenant: "b", model: "n" });
    // Of two tenants and two models: it is open for all.
    for (let i = 0; i < 5; i++)
      for (const of of [{ tenant: "one" }, { tenant: "two", model: "n" }])
        w.tell(call(of)({ kind: "fault" }));
    const probes = [];
    for (let i = 0; i < 6; i++) {
      w.wait(70_000);
      const [id = ""] = w.run();
      probes.push(id);
      w.tell(call({ comparison: id }, `p-${id}`)({ kind: "fault" }));
      w.back(id);
    }
    expect(probes).toEqual(["a1", "b1", "a2", "b2", "a3", "b1"]);
  });

  it("ends its tickets' waits when it closes", () => {
    const w = world();
    for (const id of ["a", "b", "c"]) w.keep(id);
    storm(w, "t", "m", 5);
    for (const id of ["b", "c"])
      w.keeper.requeue(queueItem(id, { tenant: hash("t"), comparison: hash(id) }), {
        notBeforeMs: w.world.nowMs + 800_000,
        suspect: false,
        permit: null,
      });
    const requeuedAtMs = w.world.nowMs;
    w.wait(11_000);
    for (const [permit, comparison] of [
      ["p1", "x"],
      ["p2", "y"],
    ] as const) {
      w.keeper.enter(permit, { tenant: "", model: "m" });
      w.tell(call({ comparison }, permit)(judged));
    }
    expect(w.keeper.status().state).toBe("closed");
    const sent = [...w.keeper.look().send];
    const start = (id: string, sinceMs: number) =>
      w.keeper.start(queueItem(id, { tenant: hash("t"), comparison: hash(id) }), {
        permit: `p-${id}`,
        notBeforeMs: requeuedAtMs + 800_000,
        suspect: false,
        sinceMs,
      });
    expect(sent).toEqual(["a"]);
    w.tell(call({ comparison: "a" }, "p-a")(judged));
    w.keeper.remove("a");
    expect(w.keeper.look().send).toEqual(["b", "c"]);
    expect(start("b", requeuedAtMs)).toMatchObject({ kind: "call", early: true });
    // A backoff that began after it counts.
    expect(start("c", w.world.nowMs + 1)).toMatchObject({ kind: "wait", why: "backoff" });
  });
});

describe("our account refused", () => {
  it("is asked by another tenant and model each time, and let in by an answer to a call that began after the refusal", () => {
    const w = world();
    w.keep("a1", { tenant: "a" });
    w.keep("b1", { tenant: "b", model: "n" });
    w.tell(call({ tenant: "a" })(refusedAccount));
    // An answer that was under way when it was refused.
    w.wait(5);
    w.tell(call({ comparison: "late", beganAgoMs: 6 })(judged));
    expect(w.keeper.status().refused).toBe("credentials_refused");
    const askers = [];
    for (let i = 0; i < 3; i++) {
      w.wait(900_000);
      const [id = ""] = w.run();
      askers.push(id);
      w.tell(call({ tenant: id.slice(0, 1), comparison: id }, `p-${id}`)(refusedAccount));
      w.back(id);
    }
    expect(askers).toEqual(["a1", "b1", "a1"]);
    w.wait(1_000);
    w.tell(call({ comparison: "new", beganAgoMs: 999 })(judged));
    expect(w.keeper.status().refused).toBeNull();
  });

  it("is not ended by a vendor's error, of whatever status", () => {
    const w = world();
    w.tell(call()(refusedAccount));
    w.wait(1_000);
    w.tell(call({ comparison: "x" })({ kind: "nothing" }));
    expect(w.keeper.status().refused).toBe("credentials_refused");
  });
});

describe("what a report is told in return", () => {
  const ticket = { unreadableAgoMs: null, thrownAgoMs: null };
  const others = (w: ReturnType<typeof world>, callReport: CallReport) =>
    (w.tell(callReport) as { others?: object }).others;

  it("is whether others were served, by when they were answered and not by when that was told", () => {
    const w = world();
    w.tell(call({ comparison: "other" })(judged, { ageMs: 2_000 }));
    expect(others(w, call({ ticket, beforeAgoMs: 1_999 })({ kind: "fault" }))).toMatchObject({
      served: false,
    });
    expect(others(w, call({ ticket, beforeAgoMs: 2_001 })({ kind: "fault" }))).toMatchObject({
      served: true,
    });
  });

  it("is that nobody is served by what a model of another name answered, or an error", () => {
    const w = world();
    w.tell(
      call({ comparison: "other", model: "n" })(judged),
      call({ comparison: "error" })({ kind: "nothing" }),
    );
    expect(others(w, call({ ticket })({ kind: "fault" }))).toMatchObject({ served: false });
  });

  it("is that another ticket came to a clean end since this one first threw; a live call is no ticket", () => {
    const w = world();
    w.tell(call({ comparison: "live" })(judged));
    const threw = call({ ticket: { ...ticket, thrownAgoMs: 1_000 } })({ kind: "nothing" });
    expect(others(w, threw)).toMatchObject({ cleanEnd: false });
    w.tell(call({ comparison: "other", ticket })(judged));
    expect(others(w, threw)).toMatchObject({ cleanEnd: true });
    w.wait(1_000);
    expect(others(w, threw)).toMatchObject({ cleanEnd: false });
  });

  it("is nothing where nobody knows whose call it was", () => {
    const w = world();
    expect(others(w, fault)).toBeUndefined();
    expect(others(w, nothing)).toBeUndefined();
  });
});

describe("what only a sentence says", () => {
  it("holds where nobody else of the model is served, and nothing where somebody is", () => {
    for (const isServed of [true, false]) {
      const w = world();
      if (isServed) w.tell(call({ comparison: "other" })(judged));
      w.tell(call()({ kind: "refused", why: "quota_exhausted" }, { unlessServed: true }));
      expect(w.keeper.status().refused).toBe(isServed ? null : "quota_exhausted");
    }
  });
});
