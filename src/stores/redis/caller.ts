/** Calls of the script, and what they say beside their answers: Redis' clock, and when tickets can be taken. */
import type { ProviderName } from "../../domain/comparison.ts";
import type { GateLimits } from "../../domain/gate.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { Call, Common, GateCall, KeyCall, Schedule, TicketCall } from "./calls.ts";
import type { Redis } from "./redis.ts";

export interface CallerParts {
  readonly redis: Redis;
  readonly limits: GateLimits;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Hears after each call when tickets of the provider can be taken. */
  readonly onSchedule: (provider: ProviderName, schedule: Schedule) => void;
  /** Redis goes by our clock instead of its own: for tests. */
  readonly ownsTime?: boolean;
}

type Asked<Of> = Of extends GateCall | TicketCall ? Omit<Of, "provider" | "limits" | "random"> : Of;

export interface Caller {
  /** @returns the answer behind the schedule */
  atGate(
    provider: ProviderName,
    call: Asked<GateCall> | Asked<TicketCall>,
    texts?: readonly string[],
  ): Promise<readonly unknown[]>;
  call(
    call: KeyCall | Extract<Call, { verb: "due" }>,
    texts?: readonly string[],
  ): Promise<readonly unknown[]>;
  /** Redis' clock, as near as is known, in epoch milliseconds. */
  nowMs(): number;
}

export function createCaller(parts: CallerParts): Caller {
  const { redis, limits, clock, random } = parts;
  /** How far Redis' clock is ahead of ours. */
  let aheadMs = 0;

  const common = (): Common => (parts.ownsTime === true ? { nowMs: clock.nowMs() } : {});

  async function atGate(
    provider: ProviderName,
    call: Asked<GateCall> | Asked<TicketCall>,
    texts: readonly string[] = [],
  ): Promise<readonly unknown[]> {
    const askedAtMs = clock.nowMs();
    const whole = { ...call, ...common(), provider, limits, random: random() };
    const [head, ...answer] = await redis.run(withoutNulls(whole), texts, needsRoom(call));
    const schedule = { wakeAtMs: null, listeners: null, ...(JSON.parse(String(head)) as Partial<Schedule>) };
    const nowMs = schedule.nowMs ?? askedAtMs;
    aheadMs = nowMs - (askedAtMs + clock.nowMs()) / 2;
    parts.onSchedule(provider, { ...schedule, nowMs });
    return answer;
  }

  return {
    atGate,
    call: (call, texts = []) => redis.run(withoutNulls({ ...call, ...common() }), texts, needsRoom(call)),
    nowMs: () => (parts.ownsTime === true ? clock.nowMs() : Math.round(clock.nowMs() + aheadMs)),
  };
}

function needsRoom({ verb }: Pick<Call, "verb">): boolean {
  return verb === "create" || verb === "begin_key";
}

/** In Lua what is `null` is not there. */
function withoutNulls(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (inner === null ? undefined : inner));
}
