/** Run as a process of its own: prints, as JSON, what the mock with the seed in its first argument makes of the same requests every time. */
import type { Clock } from "../../src/gateway/ports.ts";
import { mockProvider } from "../../src/providers/mock.ts";

const seed = Number(process.argv[2]);
const delaysMs: number[] = [];
const clock: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after(delayMs, then) {
    delaysMs.push(delayMs);
    queueMicrotask(then);
    return () => {};
  },
};
const options = { latencyMs: 100, latencyJitterMs: 50, errorRate: 0.25, errorCodes: [503, 429], seed };
const mock = mockProvider(options, clock);

const replies = [];
for (let at = 0; at < 12; at++) {
  const reply = await mock.judge(
    {
      model: "mock-judge-1",
      system: "Judge the two essays.",
      user: "x".repeat(400),
      maxTokens: 4096,
      plan: { temperature: null, reasoningEffort: "low", structure: "schema", dropped: [] },
      promptSha256: at.toString(16).padStart(64, "0"),
      frame: 2,
      attempt: 1 + (at % 3),
    },
    new AbortController().signal,
  );
  replies.push(reply);
}
console.log(JSON.stringify({ replies, delaysMs }));
