/**
 * Many isolates in front of one gate, in virtual time: the real front, the real gate, and a Durable Object of which is assumed only how
 * long it takes for a verb. How much it is asked, and how many calls an outage costs before everybody knows.
 */
import { parseConfig } from "../../src/config.ts";
import { newGate, type GateCore } from "../../src/domain/gate.ts";
import { gateLimits } from "../../src/domain/policy.ts";
import { createGateFront, type RemoteGate } from "../../src/gateway/gate-front.ts";
import { StoreAway, type Clock } from "../../src/gateway/ports.ts";
import { createGateKeeper } from "../../src/stores/gate-keeper.ts";
import { memoryPlaces } from "../../src/stores/memory-places.ts";
import { table } from "./report.ts";

interface Scene {
  readonly isolates: number;
  readonly requestsPerSecond: number;
}

const scenes: readonly Scene[] = [
  { isolates: 100, requestsPerSecond: 100 },
  { isolates: 1_000, requestsPerSecond: 1_000 },
  { isolates: 1_000, requestsPerSecond: 10_000 },
];

/** Assumed, in milliseconds: there and back between isolate and gate, the gate's time for a verb that writes and one that doesn't. */
const hopMs = 50;
const writeMs = 2;
const readMs = 1;
/** A caller's patience with the gate: `src/cloudflare/ask-object.ts`. */
const patienceMs = 5_000;
/** Of the provider: a judgement, and a 503. */
const judgeMs = 2_000;
const faultMs = 500;
/** Down from the first to the second moment. */
const downFromMs = 30_000;
const downUntilMs = 50_000;
const endMs = 75_000;
/** Isolates come up one after another until then. */
const allUpMs = 15_000;

/** @returns a table as Markdown */
export async function simulateIsolates(): Promise<string> {
  const lines: string[][] = [];
  for (const scene of scenes) lines.push(await simulate(scene));
  const header = [
    "isolates",
    "requests/s",
    "exchanges/s, calm",
    "oldest snapshot used, s",
    "calls wasted before it opened",
    "after it opened",
    "opened after, s",
    "gate asked/s at most",
    "calls again after, s",
  ];
  return table([header, ...lines]);
}

async function simulate({ isolates, requestsPerSecond }: Scene): Promise<string[]> {
  let nowMs = 0;
  const ticks: (() => void)[][] = [];
  const at = (atMs: number, then: () => void) => {
    const tick = Math.max(nowMs + 1, Math.ceil(atMs));
    (ticks[tick] ??= []).push(then);
  };
  const clock: Clock = {
    nowMs: () => nowMs,
    after(delayMs, then) {
      let isOff = false;
      at(nowMs + delayMs, () => isOff || then());
      return () => {
        isOff = true;
      };
    },
  };
  const random = mulberry(42);

  let core: GateCore = newGate;
  let wrote = false;
  let openedAtMs: number | null = null;
  const keeper = createGateKeeper({
    places: memoryPlaces(),
    limits: gateLimits(settings()),
    readCore: () => core,
    writeCore(next) {
      wrote = next.vitals.faultsInRow > 0 || core.vitals.faultsInRow > 0;
      if (core.breaker.state === "closed" && next.breaker.state === "open") openedAtMs ??= nowMs;
      core = next;
    },
    atomically: (work) => work(),
    nowMs: () => nowMs,
    random,
  });
  let busyUntilMs = 0;
  let exchangesWhenCalm = 0;
  const askedInSecond = new Int32Array(endMs / 1000 + 60);

  /** The object takes one verb after another. Whoever has lost patience is not waited for, but its verb is done. */
  function ask<Reply>(verb: () => Reply): Promise<Reply> {
    const second = Math.floor(nowMs / 1000);
    askedInSecond[second] = (askedInSecond[second] ?? 0) + 1;
    return new Promise((resolve, reject) => {
      at(nowMs + patienceMs, () => reject(new StoreAway("too late")));
      at(nowMs + hopMs / 2, () => {
        const arrive = () => {
          wrote = false;
          const reply = verb();
          busyUntilMs = nowMs + (wrote ? writeMs : readMs);
          at(busyUntilMs + hopMs / 2, () => resolve(reply));
          waiting.shift();
          const next = waiting[0];
          if (next) at(busyUntilMs, next);
        };
        waiting.push(arrive);
        if (waiting.length === 1) at(busyUntilMs, arrive);
      });
    });
  }
  const waiting: (() => void)[] = [];

  const remote = {
    enter: (permit: string, model: string) => ask(() => keeper.enter(permit, model)),
    exchange(reportId: string, outcomes: Parameters<RemoteGate["exchange"]>[1]) {
      if (nowMs > allUpMs && nowMs < downFromMs) exchangesWhenCalm++;
      return ask(() => keeper.exchange(reportId, outcomes));
    },
  } as unknown as RemoteGate;

  let ids = 0;
  let wastedBefore = 0;
  let wastedAfter = 0;
  let oldestMs = 0;
  let recoveredAtMs: number | null = null;
  const newId = () => String(++ids);

  for (let isolate = 0; isolate < isolates; isolate++) {
    let snapshotAtMs = 0;
    let asked = 0;
    const kept = <Reply>(reply: Promise<Reply>): Promise<Reply> => {
      const askedAtMs = nowMs;
      return reply.then((value) => {
        snapshotAtMs = Math.max(snapshotAtMs, askedAtMs);
        return value;
      });
    };
    const front = createGateFront({
      remote: {
        ...remote,
        enter(permit, model) {
          asked++;
          return kept(remote.enter(permit, model));
        },
        exchange: (reportId, outcomes) => kept(remote.exchange(reportId, outcomes)),
      },
      clock,
      newId,
      later: (work) => void work.catch(() => {}),
    });
    const request = async () => {
      const permit = newId();
      const askedBefore = asked;
      const entered = front.enter(permit, "m");
      const isCalm = nowMs > allUpMs && nowMs < downFromMs;
      if (isCalm && asked === askedBefore) oldestMs = Math.max(oldestMs, nowMs - snapshotAtMs);
      const admission = await entered;
      if (admission.kind === "wait") return;
      const isDown = nowMs >= downFromMs && nowMs < downUntilMs;
      if (isDown && openedAtMs === null) wastedBefore++;
      if (isDown && openedAtMs !== null) wastedAfter++;
      if (nowMs >= downUntilMs && admission.probe === null && core.breaker.state === "closed")
        recoveredAtMs ??= nowMs;
      const durationMs = isDown ? faultMs : judgeMs;
      await new Promise<void>((resolve) => at(nowMs + durationMs, resolve));
      const finding = isDown ? ({ kind: "fault" } as const) : ({ kind: "healthy" } as const);
      await front.report({ permit: admission.probe && permit, epoch: admission.epoch, finding, durationMs });
    };
    const gapMs = (1000 * isolates) / requestsPerSecond;
    const arrive = () => {
      void request();
      at(nowMs - Math.log(1 - random()) * gapMs, arrive);
    };
    at(allUpMs * random() + random() * gapMs, arrive);
  }

  for (; nowMs < endMs; nowMs++) {
    const due = ticks[nowMs];
    if (due === undefined) continue;
    delete ticks[nowMs];
    for (const then of due) then();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const since = (momentMs: number | null, fromMs: number) =>
    momentMs === null ? "–" : ((momentMs - fromMs) / 1000).toFixed(1);
  return [
    String(isolates),
    String(requestsPerSecond),
    ((exchangesWhenCalm * 1000) / (downFromMs - allUpMs)).toFixed(0),
    (oldestMs / 1000).toFixed(1),
    String(wastedBefore),
    String(wastedAfter),
    since(openedAtMs, downFromMs),
    String(Math.max(...askedInSecond.subarray(downFromMs / 1000))),
    since(recoveredAtMs, downUntilMs),
  ];
}

function settings() {
  const parsed = parseConfig({}, "cloudflare");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

/** Uniform in [0, 1), the same in every run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
