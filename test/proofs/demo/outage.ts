/** The service, its provider and the comparisons of one act, and what the demo does with them. */
import { setTimeout as pause } from "node:timers/promises";
import { ask, lookAtEnd } from "../kill-cycles/answers.ts";
import { markedComparison, speaksOf } from "../kill-cycles/comparison.ts";
import type { Dice } from "../kill-cycles/random.ts";
import { startUpstream } from "../kill-cycles/upstream.ts";
import { startService, type Home } from "../../support/processes.ts";
import { answered, openBoard, type Row } from "./screen.ts";

export type Outage = Awaited<ReturnType<typeof openOutage>>;

/** What came of an act. A number names a comparison. */
export interface Outcome {
  readonly tickets: number;
  /** Without a result, or with another comparison's. */
  readonly lost: readonly number[];
  /** Judged again though the first judgement was not lost to a kill. */
  readonly judgedTwice: readonly number[];
  /** Calls that the kill cut off, and that were made again. */
  readonly cutOff: number;
}

/** How long the provider takes, so that one can see it at work. */
const answerMs = 300;
/** An answer that reached the service so shortly before the kill may not have been stored. */
const storingMs = 250;
const patienceMs = 12_000;

export async function openOutage(folder: string, chance: Dice) {
  const upstream = await startUpstream(answerMs);
  const home: Home = { folder, settings: settingsFor(upstream.lane.baseUrls.openai) };
  let service = await startService("node", home);
  let provider: "healthy" | "down" = "healthy";
  let killedAtMs: number | null = null;
  let latest = 0;
  const tickets = new Map<number, string>();
  const judgedAtOnce: number[] = [];
  const failures: number[] = [];
  const board = openBoard();

  async function rows(): Promise<Row[]> {
    return Promise.all(
      [...tickets].map(async ([number, ticket]) => {
        const { body } = await ask(`${service.origin}/api/v1/status/${ticket}`);
        return {
          number,
          ticket,
          status: String(body["status"] ?? "unknown"),
          position: (body["position_in_queue"] as number | null | undefined) ?? null,
          failedAttempts: Number(body["retry_count"] ?? 0),
        };
      }),
    );
  }

  async function breaker(): Promise<string> {
    const { body } = await ask(`${service.origin}/api/v1/providers`);
    const providers = (body["providers"] ?? []) as { name: string; circuit_breaker_state: string }[];
    return providers.find(({ name }) => name === "openai")?.circuit_breaker_state ?? "unknown";
  }

  return {
    /** Sends as many comparisons, one after another, and shows what each is told. */
    async send(count: number): Promise<void> {
      for (let sent = 0; sent < count; sent++) {
        const { number, body } = markedComparison(++latest, chance);
        const startedAtMs = performance.now();
        const reply = await ask(`${service.origin}/api/v1/comparison`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ ...body, priority: 0 }),
        });
        const tookMs = `${Math.round(performance.now() - startedAtMs)} ms`.padStart(7);
        if (reply.httpStatus === 200) {
          judgedAtOnce.push(number);
          if (!speaksOf(String(reply.body["justification"]), number)) failures.push(number);
          const { winner, confidence } = reply.body;
          answered(number, 200, `${tookMs}  ${String(winner)} wins, confidence ${String(confidence)}`);
        } else if (reply.httpStatus === 202) {
          const ticket = String(reply.body["queue_id"]);
          tickets.set(number, ticket);
          answered(number, 202, `${tookMs}  ticket ${ticket.slice(0, 8)}`);
        } else {
          failures.push(number);
          answered(number, reply.httpStatus, `${tookMs}  ${reply.text}`);
        }
      }
    },

    async provider(mood: "healthy" | "down"): Promise<void> {
      provider = mood;
      await upstream.feel(mood);
    },

    /** Draws the table until it is as wanted, or the time is over. @returns whether it came to be so */
    async watchUntil(isEnough: (rows: readonly Row[], watchedMs: number) => boolean): Promise<boolean> {
      const startedAtMs = performance.now();
      for (;;) {
        const seen = await rows();
        board.draw({ provider, breaker: await breaker(), rows: seen });
        const watchedMs = performance.now() - startedAtMs;
        const isDone = isEnough(seen, watchedMs);
        if (isDone || watchedMs > patienceMs) {
          board.end();
          return isDone;
        }
        await pause(100);
      }
    },

    /** SIGKILL. @returns how many calls were with the provider then */
    async kill(): Promise<number> {
      const before = upstream.calls.length;
      killedAtMs = Date.now();
      await service.kill();
      await pause(50);
      return upstream.calls.slice(before).filter(({ isCut }) => isCut).length;
    },

    async restart(): Promise<number> {
      service = await startService("node", home);
      return service.startedInMs;
    },

    /** Fetches every result and holds it against what the provider has heard. */
    async settle(): Promise<Outcome> {
      const lost = [...failures];
      for (const [number, ticket] of tickets) {
        const { result } = await lookAtEnd(service.origin, ticket);
        const isOwn = result.httpStatus === 200 && speaksOf(result.justification ?? "", number);
        if (!isOwn) lost.push(number);
      }
      const judgedTwice = [...judgedAtOnce, ...tickets.keys()].filter((number) => {
        const given = upstream.calls.filter((call) => call.number === number && call.isJudgement);
        return given.slice(0, -1).some(({ endedAtMs }) => wasStored(endedAtMs, killedAtMs));
      });
      const cutOff = upstream.calls.filter(({ isCut }) => isCut).length;
      return { tickets: tickets.size, lost, judgedTwice, cutOff };
    },

    async close(): Promise<void> {
      await service.stop();
      await upstream.close();
    },
  };
}

function wasStored(endedAtMs: number, killedAtMs: number | null): boolean {
  return killedAtMs === null || endedAtMs > killedAtMs || endedAtMs < killedAtMs - storingMs;
}

/** Everything that one waits for in earnest is short here. */
function settingsFor(openaiUrl: string): Record<string, string> {
  return {
    OPENAI_API_KEY: "fake",
    OPENAI_BASE_URL: openaiUrl,
    LLM_REQUEST_TIMEOUT_SECONDS: "3",
    LLM_MAX_RETRIES: "1",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "1.5",
    QUEUE_CONCURRENCY: "3",
  };
}
