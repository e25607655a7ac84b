/** The provider of a run: the fake upstream, its moods, and its own record of who was judged. */
import { setTimeout as pause } from "node:timers/promises";
import { fakeLane, type Lane } from "../../../tools/fake-upstream/client.ts";
import type { Step } from "../../../tools/fake-upstream/script.ts";
import { noncePattern } from "./comparison.ts";
import type { Call } from "./evidence.ts";
import type { CpuSpan } from "./starvation.ts";
import { refusal, startWitness, type Witness } from "./witness.ts";

/**
 * `down`: answers 503. `broken`: breaks connections. `stalling`: never answers. `busy`: answers 429, which opens no breaker.
 * `refusing`: answers each third call with a 400, after which a request can never succeed, and judges the others.
 * `hidden`: a proxy answers in its place, with a page or without a word. `ill`: each call fails in another of these ways, but for the 400.
 */
export type Mood = "healthy" | "down" | "broken" | "stalling" | "busy" | "refusing" | "hidden" | "ill";

/** Rounds of what alternates, far more than come in one life: after these it is healthy. */
const mostRounds = 300;

export interface Upstream {
  readonly lane: Lane;
  /** Every call that is over, in the order of their ends. The same array at each call. */
  readonly calls: readonly Call[];
  feel(mood: Mood): Promise<void>;
  /** As `feel`, and nothing was heard yet. Only while nobody asks. */
  restAs(mood: Mood): Promise<void>;
  /** Resolves when so many calls have come since it rested, answered or not, or when it took too long. */
  callsCome(count: number, patienceMs: number): Promise<void>;
  /** Resolves when one more call has come, and is not answered yet, or when it took too long. */
  nextCall(patienceMs: number): Promise<void>;
  /** Resolves when so many more refusals have been given, or when it took too long. */
  refusals(count: number, patienceMs: number): Promise<void>;
  /** Reads the books of the CPU meanwhile. */
  readonly cpu: Pick<Witness, "watch" | "look">;
  /** @returns what CPU those that were watched were given */
  close(): Promise<readonly CpuSpan[]>;
}

/** It begins healthy. @param answerMs how long its answers take, the good and the bad */
export async function startUpstream(answerMs: number): Promise<Upstream> {
  const calls: Call[] = [];
  const witness = await startWitness((call) => calls.push(call));
  const lane = fakeLane(witness.url, "kill-cycles");
  const healthy: Step = { echo: noncePattern, delayMs: answerMs, times: "forever" };
  const down: Step = { fault: "unavailable", delayMs: answerMs };
  const broken: Step = { fault: "cut", delayMs: answerMs };
  const busy: Step = { fault: "rateLimited", retryAfterMs: 100, delayMs: answerMs };
  const pages: readonly Step[] = [
    { fault: "html", status: 404, delayMs: answerMs },
    { fault: "html", status: 200, delayMs: answerMs },
    { fault: "empty", status: 200, delayMs: answerMs },
    { fault: "empty", status: 204, delayMs: answerMs },
  ];
  const inTurn = (...round: readonly Step[]) => [
    ...Array.from({ length: mostRounds }, () => round).flat(),
    healthy,
  ];
  const steps: Readonly<Record<Mood, readonly Step[]>> = {
    healthy: [healthy],
    down: [{ ...down, times: "forever" }],
    broken: [{ ...broken, times: "forever" }],
    busy: [{ ...busy, times: "forever" }],
    stalling: [{ fault: "stall", times: "forever" }],
    refusing: inTurn({ fault: refusal, delayMs: answerMs }, { ...healthy, times: 2 }),
    hidden: inTurn(...pages),
    ill: inTurn(down, broken, ...pages, busy),
  };
  const feel = (mood: Mood) => lane.rescript(steps[mood]);
  await feel("healthy");
  async function callsCome(count: number, patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    // Each wait of the lane's own is over after 5 s.
    while (performance.now() < deadline) {
      const heard = await lane.waitForRequest(count).catch(() => []);
      if (heard.length >= count) return;
    }
  }

  return {
    lane,
    calls,
    feel,
    async restAs(mood) {
      await lane.clear();
      await feel(mood);
    },
    callsCome,
    async nextCall(patienceMs) {
      const { length } = await lane.waitForRequest(0);
      await callsCome(length + 1, patienceMs);
    },
    async refusals(count, patienceMs) {
      const deadline = performance.now() + patienceMs;
      const given = () => calls.filter(({ isRefusal }) => isRefusal).length;
      const enough = given() + count;
      while (given() < enough && performance.now() < deadline) await pause(20);
    },
    cpu: witness,
    close: witness.close,
  };
}
