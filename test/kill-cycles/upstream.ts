/** The provider of a run: the fake upstream in this process, its moods, and its own record of who was judged. */
import type { Lane } from "../support/fake-upstream/client.ts";
import type { RecordedRequest, Step } from "../support/fake-upstream/script.ts";
import { startFakeUpstream } from "../support/fake-upstream/server.ts";
import { noncePattern, numberIn } from "./comparison.ts";
import type { Call } from "./evidence.ts";

/** `down`: answers 503. `broken`: breaks connections. `stalling`: never answers. `busy`: answers 429, which spends attempts and opens no breaker. */
export type Mood = "healthy" | "down" | "broken" | "stalling" | "busy";

export interface Upstream {
  readonly lane: Lane;
  /** Every call that is over, in the order of their ends. The same array at each call. */
  readonly calls: readonly Call[];
  feel(mood: Mood): Promise<void>;
  /** As `feel`, and nothing was heard yet. Only while nobody asks. */
  restAs(mood: Mood): Promise<void>;
  /** Resolves at the first call since it rested, or after 5 s without one. */
  firstCall(): Promise<void>;
  close(): Promise<void>;
}

/** It begins healthy. @param answerMs how long its answers take, the good and the bad */
export async function startUpstream(answerMs: number): Promise<Upstream> {
  const calls: Call[] = [];
  const server = await startFakeUpstream({ onCall: (request) => calls.push(callOf(request)) });
  const lane = server.lane("kill-cycles");
  const steps: Readonly<Record<Mood, Step>> = {
    healthy: { echo: noncePattern, delayMs: answerMs, times: "forever" },
    down: { fault: "unavailable", delayMs: answerMs, times: "forever" },
    broken: { fault: "cut", delayMs: answerMs, times: "forever" },
    busy: { fault: "rateLimited", retryAfterMs: 100, delayMs: answerMs, times: "forever" },
    stalling: { fault: "stall", times: "forever" },
  };
  const feel = (mood: Mood) => lane.rescript([steps[mood]]);
  await feel("healthy");
  return {
    lane,
    calls,
    feel,
    async restAs(mood) {
      await lane.clear();
      await feel(mood);
    },
    firstCall: () =>
      lane.waitForRequest(1).then(
        () => undefined,
        () => undefined,
      ),
    close: server.close,
  };
}

function callOf(request: RecordedRequest): Call {
  return {
    number: numberIn(request.bodyText) ?? 0,
    process: Number(/fake-(\d+)/.exec(request.headers["authorization"] ?? "")?.[1] ?? 0),
    receivedAtMs: request.receivedAtMs,
    endedAtMs: request.endedAtMs ?? Date.now(),
    isJudgement: request.outcome === "answered" && !request.aborted,
    isCut: request.aborted,
  };
}
