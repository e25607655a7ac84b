/** A comparison and who asks for it, where a test is about neither. */
import type { Asked } from "../../src/gateway/resolve.ts";
import type { Caller } from "../../src/gateway/submission.ts";

export const someComparison: Asked = {
  userPrompt: "Which one?",
  essayA: "One.",
  essayB: "Two.",
  provider: null,
  model: null,
  systemPrompt: null,
  temperature: null,
  maxTokens: null,
  reasoningEffort: null,
};

export function callerIn(mode: Caller["mode"], priority = 0): Caller {
  return {
    correlationId: "c",
    tenant: "t",
    mode,
    priority,
    userId: null,
    traceId: null,
    metadata: {},
    onHangUp: null,
    queueId: null,
  };
}
