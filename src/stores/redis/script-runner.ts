/**
 * Calls of the script, and what they say beside their answers: Redis' clock, and when tickets can be taken. Those of one moment go together:
 * one run of the script, one look at the gate and one write of it for all of them.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { GateChange } from "../../domain/gate/changes.ts";
import type { GateLimits } from "../../domain/gate/gate.ts";
import { StoreAway, type Clock } from "../../gateway/ports.ts";
import { decodeChange } from "./codec.ts";
import type {
  BusCall,
  Call,
  Common,
  DeliveryCall,
  GateCall,
  KeyCall,
  Schedule,
  TicketCall,
} from "./script/calls.ts";
import type { Redis } from "./redis.ts";
import { troubleSaid } from "./trouble.ts";

export interface ScriptRunnerParts {
  readonly redis: Redis;
  readonly limits: GateLimits;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Hears after each call when tickets of the provider can be taken. */
  readonly onSchedule: (provider: ProviderName, schedule: Schedule) => void;
  /** Hears what operators are to hear of a gate. Absent: nobody does. */
  readonly onChanges?: (provider: ProviderName, changes: readonly GateChange[]) => void;
  /** Runs what it is given when this moment's calls have been made. Without it each call goes alone. */
  readonly soon?: (send: () => void) => void;
  /** There is a bus, which is to hear of tickets. */
  readonly hasBus?: boolean;
  /** Redis goes by our clock instead of its own: for tests. */
  readonly ownsTime?: boolean;
}

export interface ScriptRunner {
  atGate(
    provider: ProviderName,
    call: GateCall | TicketCall,
    texts?: readonly string[],
  ): Promise<readonly unknown[]>;
  call(
    call: KeyCall | BusCall | DeliveryCall | Extract<Call, { verb: "due" }>,
    texts?: readonly string[],
  ): Promise<readonly unknown[]>;
  /** Redis' clock, as near as is known, in epoch milliseconds. */
  nowMs(): number;
  /** How far Redis' clock is ahead of this machine's. */
  aheadMs(): number;
}

interface Waiting {
  readonly call: GateCall | TicketCall;
  readonly texts: readonly string[];
  readonly resolve: (answer: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls in one run of the script, at most: as long as it takes, nobody else is heard by Redis. */
const mostTogether = 32;
/** Characters of texts after which no more calls join a run. */
const enoughTexts = 1_000_000;

export function createScriptRunner(parts: ScriptRunnerParts): ScriptRunner {
  const { redis, limits, clock, random, soon } = parts;
  /** Those that need room apart: where there is none, the others must go on. */
  const groups = new Map<string, Waiting[]>();
  /** How far Redis' clock is ahead of our monotonic one, which nobody sets; `null`: Redis has not said. */
  let aheadMs: number | null = null;

  const common = (): Common => (parts.ownsTime === true ? { nowMs: clock.nowMs() } : {});

  function join(provider: ProviderName, waiting: Waiting): void {
    if (soon === undefined) return void run(provider, [waiting]);
    const lane = `${provider} ${needsRoom(waiting.call)}`;
    const group = groups.get(lane) ?? [];
    group.push(waiting);
    const isFull = group.length === mostTogether || lengthOf(group) >= enoughTexts;
    const send = () => {
      if (groups.get(lane) !== group) return;
      groups.delete(lane);
      void run(provider, group);
    };
    groups.set(lane, group);
    if (isFull) send();
    else if (group.length === 1) soon(send);
  }

  /** Never rejects: who waits hears of it. */
  async function run(provider: ProviderName, group: readonly Waiting[]): Promise<void> {
    try {
      const askedMs = clock.monotonicMs();
      const calls = group.map(({ call, texts }) => ({ ...call, texts: texts.length }));
      const bus = parts.hasBus === true ? { bus: true as const } : {};
      const whole = { verb: "at_gate", ...common(), ...bus, provider, limits, random: random(), calls };
      const texts = group.flatMap((one) => one.texts);
      const isAdding = group.some(({ call }) => needsRoom(call));
      const [head, ...answers] = await redis.run(withoutNulls(whole), texts, isAdding);
      const schedule = {
        wakeAtMs: null,
        listeners: null,
        ...(JSON.parse(String(head)) as Partial<Schedule>),
      };
      const nowMs = schedule.nowMs ?? clock.nowMs();
      aheadMs = nowMs - (askedMs + clock.monotonicMs()) / 2;
      parts.onSchedule(provider, { ...schedule, nowMs });
      if (schedule.changes !== undefined) parts.onChanges?.(provider, schedule.changes.map(decodeChange));
      for (const [index, { resolve, reject }] of group.entries()) {
        const answer = answers[index] as readonly unknown[];
        if (answer[0] === "failed") reject(scriptFailed(String(answer[1])));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  function storeNowMs(): number {
    // Before Redis has said anything our own must do: what is computed by a clock that is wrong is asked again (`isOfThisClock`).
    if (parts.ownsTime === true || aheadMs === null) return clock.nowMs();
    return Math.round(clock.monotonicMs() + aheadMs);
  }

  return {
    atGate: (provider, call, texts = []) =>
      new Promise((resolve, reject) => join(provider, { call, texts, resolve, reject })),
    call: (call, texts = []) => redis.run(withoutNulls({ ...call, ...common() }), texts, needsRoom(call)),
    nowMs: storeNowMs,
    aheadMs: () => storeNowMs() - clock.nowMs(),
  };
}

function scriptFailed(said: string): StoreAway {
  return new StoreAway(`The script failed: ${said}`, { trouble: troubleSaid(said) });
}

function lengthOf(group: readonly Waiting[]): number {
  return group.reduce((sum, { texts }) => texts.reduce((all, text) => all + text.length, sum), 0);
}

function needsRoom({ verb }: GateCall | TicketCall | Call): boolean {
  return verb === "create" || verb === "begin_key";
}

/** In Lua what is `null` is not there. */
function withoutNulls(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner === null ? undefined : inner));
}
