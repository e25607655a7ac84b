/** Processes of the whole flow over one shared store, each with a store of its own, in virtual time. Any of them dies when a test says so. */
import { gateLimits, ticketPolicy } from "../../../src/settings/limits.ts";
import { isEnded, type Ticket } from "../../../src/domain/ticket/ticket.ts";
import { err, ok } from "../../../src/domain/result.ts";
import { createGateway, type Gateway } from "../../../src/gateway/gateway.ts";
import type { Clock, JudgeRequest, Provider } from "../../../src/gateway/ports.ts";
import type { Asked } from "../../../src/gateway/resolve.ts";
import type { Caller } from "../../../src/gateway/submission.ts";
import { createFailover, type Failover } from "../../../src/stores/failover/failover.ts";
import type { FailoverEvent } from "../../../src/telemetry/events.ts";
import { manualClock, type ManualClock } from "../clock.ts";
import { configOf } from "../sqlite-store.ts";
import { goodVerdict, signed } from "../../../tools/fake-upstream/signed.ts";
import type { Row } from "./engine.ts";
import { emptyFile, memoryFallback, type FallbackFile, type MemoryFallback } from "./memory-fallback.ts";
import { primaryServer, type Fate, type Link, type PrimaryServer } from "./memory-primary.ts";

/** Short, for a store that is away is looked for each second. */
const config = configOf({ QUEUE_REQUEST_TTL_HOURS: "0.05", RESULT_RETENTION_HOURS: "0.2" });
export const policy = ticketPolicy(config);
export const limits = gateLimits(config);

export interface Process extends Pick<Gateway, "find"> {
  readonly failover: Failover;
  readonly gateway: Gateway;
  readonly fallback: MemoryFallback;
  readonly link: Link;
  readonly file: FallbackFile;
  readonly news: FailoverEvent[];
  readonly faults: unknown[];
  /** What becomes of its calls of the primary store. */
  fate: (verb: string) => Fate;
  /** Asks for a ticket. @returns its id; `null`: 503 */
  keep(essay?: string, queueId?: string): Promise<string | null>;
  statusOf(id: string): Promise<Ticket["state"]["status"] | "none">;
  kill(): void;
}

export interface World {
  readonly clock: ManualClock;
  readonly server: PrimaryServer;
  /** Essays A of the comparisons that the judge was asked, in order. */
  readonly judged: string[];
  /** How long a call takes, in milliseconds. */
  judgeMs: number;
  /** Of a call of the primary store. */
  latencyMs: () => number;
  /** Does this call of the judge fail? */
  fails: () => boolean;
  /** @param file what it finds on its disk */
  begin(file?: FallbackFile, fate?: (verb: string) => Fate): Promise<Process>;
}

export const always = (fate: Fate) => (): Fate => fate;

export function failoverWorld(random: () => number = () => 0.5): World {
  const clock = manualClock();
  const server = primaryServer(clock, random, config);
  const judged: string[] = [];
  let ids = 0;
  const newId = () => `0000000a-b00c-4d0e-8f00-${String(++ids).padStart(12, "0")}`;
  const world: World = { clock, server, judged, judgeMs: 100, latencyMs: () => 0, fails: () => false, begin };

  async function begin(
    file = emptyFile(),
    fate: (verb: string) => Fate = always("answered"),
  ): Promise<Process> {
    let isDead = false;
    const clockHere: Clock = {
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      after: (delayMs, then) => clock.after(delayMs, () => (isDead ? undefined : then())),
    };
    const news: FailoverEvent[] = [];
    const faults: unknown[] = [];
    const fallback = memoryFallback(clockHere, random, config, file);
    const link = server.connect((verb) => process.fate(verb), {
      clock: clockHere,
      latencyMs: () => world.latencyMs(),
    });
    const failover = createFailover({
      primary: link,
      fallback,
      policy,
      clock: clockHere,
      newId,
      tell: (item) => news.push(item),
      onFault: (error) => faults.push(error),
    });
    const gateway = createGateway(
      {
        providers: new Map([["mock", providerOf(clockHere)]]),
        gate: failover.gate,
        tickets: failover.tickets,
        keys: failover.keys,
        clock: clockHere,
        newId,
        random,
        sha256: (text) => String(text.length),
        stopping: null,
        mask: (text) => text,
        tell: () => {},
      },
      {
        defaults: { provider: "mock", models: { ...models }, maxTokens: 100 },
        requestTimeoutMs: 60_000,
        maxRetries: 0,
      },
    );
    const process: Process = {
      failover,
      gateway,
      fallback,
      link,
      file,
      news,
      faults,
      fate,
      find: gateway.find,
      async keep(essay = "essay", queueId) {
        const submitted = await gateway.submit(
          { ...asked, essayA: essay },
          { ...script, queueId: queueId ?? null },
        );
        return submitted.ok && submitted.value.kind === "kept" ? submitted.value.ticket.about.id : null;
      },
      async statusOf(id) {
        const ticket = await gateway.find(id, script.tenant);
        return ticket?.state.status ?? "none";
      },
      kill() {
        isDead = true;
        fallback.halt();
        link.cut();
      },
    };
    await inTurn(clock, failover.look());
    failover.start(gateway.run);
    await clock.advance(0);
    return process;
  }

  function providerOf(clockHere: Clock): Provider {
    return {
      name: "mock",
      plan: () => ({ temperature: null, reasoningEffort: null, structure: "schema", dropped: [] }),
      cost: () => 0.5,
      judge(request, signal) {
        judged.push(essayIn(request));
        const rest = { usage: null, requestId: null, status: null };
        return new Promise((resolve) => {
          const cancel = clockHere.after(world.judgeMs, () =>
            resolve({
              ...rest,
              outcome: world.fails()
                ? err({ reason: "timeout" })
                : ok({ text: signed(goodVerdict, request.user), model: "m" }),
            }),
          );
          signal.addEventListener("abort", () => {
            cancel();
            resolve({ ...rest, outcome: err({ reason: "timeout" }) });
          });
        });
      },
    };
  }

  return world;
}

/** @returns what comes of it; time goes on meanwhile, for at most a minute */
export async function inTurn<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  const over: boolean[] = [];
  const end = () => void over.push(true);
  work.then(end, end);
  for (let waited = 0; over.length === 0; waited++) {
    if (waited === 1_200) throw new Error("it does not end");
    await clock.advance(50);
  }
  return await work;
}

/** Terminal events of all that is stored anywhere, by ticket. */
export function endsIn(...stores: readonly ReadonlyMap<string, Row>[]): Map<string, number> {
  const ends = new Map<string, number>();
  for (const rows of stores) {
    for (const [id, { events }] of rows) {
      const count = events.filter(
        ({ kind }) => kind === "completed" || kind === "failed" || kind === "expired",
      ).length;
      ends.set(id, (ends.get(id) ?? 0) + count);
    }
  }
  return ends;
}

export function hasEnded(row: Row | undefined): boolean {
  return row !== undefined && isEnded(row.ticket.state);
}

function essayIn({ user }: JudgeRequest): string {
  return /essay-\d+/.exec(user)?.[0] ?? "essay";
}

const models = { mock: "m", openai: "m", anthropic: "m", google: "m", openrouter: "m" };

const asked: Asked = {
  userPrompt: "Which?",
  essayA: "essay",
  essayB: "other",
  provider: "mock",
  model: null,
  systemPrompt: null,
  temperature: null,
  maxTokens: null,
  reasoningEffort: null,
};

const script: Caller = {
  tenant: "one",
  correlationId: "c",
  mode: "queue",
  priority: 0,
  userId: null,
  traceId: null,
  metadata: {},
  queueId: null,
  onHangUp: null,
};
