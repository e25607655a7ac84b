/** The gateway with one judge that answers as a test tells it, and all that it may use of the world. */
import { getEventListeners } from "node:events";
import type { Failure } from "../../src/domain/failure.ts";
import { err, ok } from "../../src/domain/result.ts";
import type { Usage } from "../../src/domain/judging/usage.ts";
import type { Policy } from "../../src/gateway/flow.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import type { Plan } from "../../src/domain/judging/plan.ts";
import type { JudgeRequest, Provider, Reply } from "../../src/gateway/ports.ts";
import type { AttemptEvent } from "../../src/telemetry/events.ts";
import type { Asked } from "../../src/gateway/resolve.ts";
import { someComparison } from "./asking.ts";
import { manualClock } from "./clock.ts";
import { memoryStores } from "./memory-stores.ts";
import { goodVerdict, signed } from "../../tools/fake-upstream/signed.ts";

/** How one call goes: what the judge writes (`%boundary%` becomes the one that it is asked for), or how it fails. `stall`: nothing until the signal aborts. */
export type Turn =
  | string
  | Failure
  | "stall"
  | { readonly afterMs: number; readonly says: string | Failure; readonly usage?: Usage | null };

export const usage: Usage = {
  promptTokens: 100,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  completionTokens: 10,
  reasoningTokens: 0,
};

export interface JudgeOptions {
  /** One for each call, in order; a good judgement for every call after them. */
  readonly turns?: readonly Turn[];
  readonly random?: () => number;
  readonly policy?: Partial<Policy>;
  /** Of a call, in dollars. */
  readonly price?: (call: number) => number | null;
  readonly plan?: Provider["plan"];
  /** Called as each call is over, before the flow goes on. */
  readonly afterCall?: () => void;
}

export function scriptedJudge(options: JudgeOptions = {}) {
  const { turns = [], random = () => 0.5, policy = {}, price = () => 1, plan = () => plain } = options;
  const clock = manualClock();
  const startMs = clock.nowMs();
  const calls: { readonly atMs: number; readonly request: JudgeRequest; readonly signal: AbortSignal }[] = [];
  const reports: AttemptEvent[] = [];
  let priced = 0;

  const provider: Provider = {
    name: "openai",
    plan,
    cost: () => price(++priced),
    judge(request, signal) {
      const turn = turns[calls.length] ?? goodVerdict;
      calls.push({ atMs: clock.nowMs() - startMs, request, signal });
      const says = (said: string | Failure, used: Usage | null) =>
        reply(typeof said === "string" ? signed(said, request.user) : said, used);
      if (typeof turn === "object" && "afterMs" in turn)
        return later(turn.afterMs, says(turn.says, turn.usage === undefined ? usage : turn.usage), signal);
      return turn === "stall"
        ? later(Infinity, says(goodVerdict, null), signal)
        : Promise.resolve(says(turn, usage));
    },
  };

  function later(delayMs: number, answer: Reply, signal: AbortSignal): Promise<Reply> {
    return new Promise((resolve) => {
      const end = (outcome: Reply) => {
        cancel();
        signal.removeEventListener("abort", onAbort);
        resolve(outcome);
      };
      const onAbort = () => end(reply({ reason: signal.reason === "hung_up" ? "hung_up" : "timeout" }, null));
      const cancel = delayMs === Infinity ? () => {} : clock.after(delayMs, () => end(answer));
      signal.addEventListener("abort", onAbort);
    });
  }

  let ids = 0;
  const { gate, tickets, keys, stopping } = memoryStores(clock, () => 0.5, queueSettings);
  const gateway = createGateway(
    {
      gate,
      tickets,
      keys,
      stopping,
      newId: () => `id-${++ids}`,
      mask: (text) => text,
      providers: new Map([["openai", provider]]),
      clock,
      random,
      sha256: (text) => `sha-of-${text.length}`,
      tell(event) {
        if (event.kind !== "attempt") return;
        reports.push(event);
        options.afterCall?.();
      },
    },
    {
      defaults: {
        provider: "openai",
        models: { anthropic: "a", openai: "o", google: "g", openrouter: "r", mock: "m" },
        maxTokens: 4096,
      },
      requestTimeoutMs: 60_000,
      maxRetries: 2,
      ...policy,
    },
  );

  const watchers = new Set<() => void>();
  return {
    clock,
    calls,
    reports,
    /** When each call was made, in milliseconds since the start. */
    callTimesMs: () => calls.map(({ atMs }) => atMs),
    submit: (changes: Partial<Asked> = {}) =>
      gateway.submit(
        { ...someComparison, ...changes },
        {
          correlationId: "correlation",
          tenant: "tenant",
          mode: "immediate",
          priority: 0,
          userId: null,
          traceId: null,
          metadata: {},
          queueId: null,
          onHangUp(then) {
            watchers.add(then);
            return () => watchers.delete(then);
          },
        },
      ),
    hangUp: () => watchers.forEach((then) => then()),
    /** What a request left behind: timers that still run, watches on its client, and listeners to its signal. */
    leftovers: () => ({
      timers: clock.pending(),
      watches: watchers.size,
      listeners: calls.flatMap(({ signal }) => getEventListeners(signal, "abort")).length,
    }),
  };
}

/** A breaker that no test of the judge itself opens. */
const queueSettings = {
  llm: { requestTimeoutMs: 60_000 },
  breaker: { failureThreshold: 1_000, recoveryMs: 10_000, successThreshold: 2, maxOpenMs: 60_000 },
  queue: {
    maxSize: 1_000,
    maxBytes: 100_000_000,
    highWatermark: 0.8,
    lowWatermark: 0.6,
    ticketTtlMs: 14_400_000,
    maxRetries: 3,
    concurrency: 8,
    retentionMs: 86_400_000,
  },
};

const plain: Plan = { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] };

function reply(said: string | Failure, used: Usage | null): Reply {
  const outcome = typeof said === "string" ? ok({ text: said, model: "o-2026" }) : err(said);
  return { outcome, usage: typeof said === "string" ? used : null, requestId: null, status: 200 };
}
