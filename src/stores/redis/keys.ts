/** Records of keyed requests in Redis: one key has one record, whichever process is asked. */
import type { Begun } from "../../domain/idempotency.ts";
import type { Keys } from "../../gateway/ports.ts";
import type { ScriptRunner } from "./script-runner.ts";

export function redisKeys(script: ScriptRunner): Keys {
  return {
    async begin(name, requestSha256, queueId, leaseMs) {
      const [reply, body] = await script.call({ verb: "begin_key", name, requestSha256, queueId, leaseMs });
      const begun = JSON.parse(String(reply)) as Begun;
      return begun.kind === "answered" ? { ...begun, body: String(body) } : begun;
    },

    async end(name, fence, end) {
      const isAnswer = end.kind === "answered";
      const call = {
        verb: "end_key",
        name,
        fence,
        end: isAnswer ? ({ kind: "answered" } as const) : end,
      } as const;
      const [isLatest] = await script.call(call, isAnswer ? [end.body] : []);
      return isLatest === "1";
    },
  };
}
