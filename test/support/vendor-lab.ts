/**
 * The shipped flow, gate and tickets in virtual time, with default settings and one vendor that answers as a test tells it: for what takes hours,
 * or many seeds. What is slow about a real clock and a real store is left out, nothing else.
 */
import { createHash } from "node:crypto";
import { parseConfig, type Config } from "../../src/settings/config.ts";
import type { Failure } from "../../src/domain/failure.ts";
import type { Plan } from "../../src/domain/judging/plan.ts";
import { err, ok } from "../../src/domain/result.ts";
import { isEnded, type Ticket } from "../../src/domain/ticket/ticket.ts";
import { claimTicket } from "../../src/cloudflare/claim.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import type { Clock, JudgeRequest, Provider, Reply } from "../../src/gateway/ports.ts";
import type { Submitted } from "../../src/gateway/submission.ts";
import { memoryStores } from "./memory-stores.ts";
import { goodVerdict, signed } from "../../tools/fake-upstream/signed.ts";

export interface LabCall {
  /** Of the ticket or live call that it is for, as the test named it. */
  readonly name: string;
  readonly model: string;
  readonly atMs: number;
  /** From 1, over all. */
  readonly number: number;
}

/** How the vendor answers one call, and after how long (50 ms). `"judged"`: with a judgement; `"hangs"`: not at all; an error is thrown. */
export type LabAnswer =
  | "judged"
  | "hangs"
  | Failure
  | Error
  | { readonly afterMs: number; readonly says: "judged" | Failure };

export interface LabAsk {
  readonly tenant?: string;
  readonly model?: string;
  /** The same for the same text; the name unless told. */
  readonly essay?: string;
  readonly priority?: number;
}

/** Uniform in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function vendorLab(answer: (call: LabCall) => LabAnswer, seed = 1, env: Record<string, string> = {}) {
  const config = configOf(env);
  const random = seeded(seed);
  const time = virtualTime();
  const calls: (LabCall & { readonly answer: LabAnswer })[] = [];
  const stores = memoryStores(time.clock, random, config);
  const ids = new Map<string, string>();
  let permits = 0;

  const provider: Provider = {
    name: "openai",
    plan: () => plain,
    cost: () => null,
    judge: (request, signal) => {
      const call = {
        name: nameIn(request),
        model: request.model,
        atMs: time.nowMs(),
        number: calls.length + 1,
      };
      const given = answer(call);
      calls.push({ ...call, answer: given });
      if (given instanceof Error) throw given;
      return replyTo(given, request, time.clock, signal);
    },
  };
  const newId = () => `permit-${++permits}`;
  const gateway = createGateway(
    {
      gate: stores.gate,
      tickets: stores.tickets,
      keys: stores.keys,
      stopping: null,
      newId,
      mask: (text) => text,
      providers: new Map([["openai", provider]]),
      clock: time.clock,
      random,
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
      tell: () => {},
    },
    {
      defaults: {
        provider: "openai",
        models: { anthropic: "a", openai: "m", google: "g", openrouter: "r", mock: "k" },
        maxTokens: config.llm.defaultMaxTokens,
      },
      requestTimeoutMs: config.llm.requestTimeoutMs,
      maxRetries: config.llm.maxRetries,
    },
  );
  stores.workWith(async (ticketId) => {
    const claimed = await claimTicket(
      { ...stores, clock: time.clock, newId, random, askAfter: async () => {} },
      ticketId,
    );
    if (claimed !== null) await gateway.run(claimed);
  });

  async function submit(name: string, ask: LabAsk, mode: "queue" | "immediate" | "queue_if_unavailable") {
    const { tenant = "school", model = null, essay = name, priority = 0 } = ask;
    const submitted = await gateway.submit(
      {
        userPrompt: `name ${name} end`,
        essayA: essay,
        essayB: "Two.",
        provider: null,
        model,
        systemPrompt: null,
        temperature: null,
        maxTokens: null,
        reasoningEffort: null,
      },
      {
        correlationId: name,
        tenant,
        mode,
        priority,
        userId: null,
        traceId: null,
        metadata: {},
        queueId: null,
        onHangUp: null,
      },
    );
    if (submitted.ok && submitted.value.kind === "kept") ids.set(name, submitted.value.ticket.about.id);
    return submitted;
  }

  const ticket = (name: string): Ticket => {
    const found = stores.stored.get(ids.get(name) ?? "");
    if (found === undefined) throw new Error(`there is no ticket ${name}`);
    return found;
  };
  const names = () => [...ids.keys()];

  return {
    calls,
    nowMs: time.nowMs,
    pass: time.pass,
    /** A ticket. Refused (the queue is full) where it returns false. */
    async queue(name: string, ask: LabAsk = {}): Promise<boolean> {
      return (await submit(name, ask, "queue")).ok;
    },
    /** A live call, which goes on while time passes. */
    live: (name: string, ask: LabAsk = {}) => settled(submit(name, ask, "immediate")),
    ask: (name: string, ask: LabAsk = {}) => settled(submit(name, ask, "queue_if_unavailable")),
    ticket,
    names,
    /** How many tickets are in each state. */
    counted(): Record<string, number> {
      const counts: Record<string, number> = {};
      for (const name of names()) {
        const { status } = ticket(name).state;
        counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    },
    failed: () => names().filter((name) => ticket(name).state.status === "failed"),
    /** When the last of them ended, in milliseconds since the start; `null`: some have not. */
    endedMs(): number | null {
      const ends = names().map((name) => {
        const { state } = ticket(name);
        return isEnded(state) ? state.endedAtMs : null;
      });
      return ends.includes(null) ? null : Math.max(0, ...ends.filter((end) => end !== null)) - startMs;
    },
    callsOf: (name: string) => calls.filter((call) => call.name === name),
    status: () => stores.gate("openai").status(),
  };
}

type LiveEnd = { readonly submitted: Awaited<Submission> | null; readonly threw: boolean } | null;
type Submission = Promise<
  { readonly ok: true; readonly value: Submitted } | { readonly ok: false; readonly error: object }
>;

/** What came of a live call, as soon as it is known: a promise must not hold the test up, which moves the time itself. */
function settled(submission: Submission): { readonly end: () => LiveEnd } {
  let end: LiveEnd = null;
  const wait = async () => {
    end = await submission.then(
      (submitted) => ({ submitted, threw: false }),
      () => ({ submitted: null, threw: true }),
    );
  };
  void wait();
  return { end: () => end };
}

const startMs = Date.UTC(2026, 10, 30, 12);

/** Time that moves from event to event, with one turn of the event loop for all that follows from each. */
function virtualTime() {
  let nowMs = startMs;
  let ids = 0;
  const timers = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, then) {
      const id = ids++;
      timers.set(id, { atMs: nowMs + Math.max(0, delayMs), run: then });
      return () => void timers.delete(id);
    },
  };
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    clock,
    nowMs: () => nowMs - startMs,
    async pass(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      for (;;) {
        await turn();
        let next: number | null = null;
        let dueMs = Infinity;
        for (const [id, { atMs }] of timers) {
          if (atMs < dueMs) {
            dueMs = atMs;
            next = id;
          }
        }
        if (next === null || dueMs > untilMs) break;
        nowMs = Math.max(nowMs, dueMs);
        const due = timers.get(next);
        timers.delete(next);
        due?.run();
      }
      nowMs = untilMs;
    },
  };
}

const usualMs = 50;

function replyTo(
  answer: Exclude<LabAnswer, Error>,
  request: JudgeRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<Reply> {
  const { afterMs, says } =
    answer === "hangs"
      ? { afterMs: Infinity, says: "judged" as const }
      : typeof answer === "object" && "afterMs" in answer
        ? answer
        : { afterMs: usualMs, says: answer };
  return new Promise((resolve) => {
    const end = (reply: Reply) => {
      cancel();
      signal.removeEventListener("abort", onAbort);
      resolve(reply);
    };
    const onAbort = () =>
      end(replyOf({ reason: signal.reason === "timeout" ? "timeout" : "hung_up" }, request));
    const cancel = afterMs === Infinity ? () => {} : clock.after(afterMs, () => end(replyOf(says, request)));
    signal.addEventListener("abort", onAbort);
  });
}

function replyOf(says: "judged" | Failure, { user }: JudgeRequest): Reply {
  const outcome = says === "judged" ? ok({ text: signed(goodVerdict, user), model: "m" }) : err(says);
  return { outcome, usage: null, requestId: null, status: says === "judged" ? 200 : null };
}

function nameIn({ user }: Pick<JudgeRequest, "user">): string {
  return /name (.*?) end/.exec(user)?.[1] ?? "";
}

function configOf(env: Record<string, string>): Config {
  const parsed = parseConfig({ OPENAI_API_KEY: "sk-lab-0123456789", ...env }, "node");
  if (!parsed.ok) throw new Error("the lab's settings are wrong");
  return parsed.value;
}

const plain: Plan = { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] };
