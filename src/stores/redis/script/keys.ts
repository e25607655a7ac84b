/** Records of keyed requests: a hash each. The body of an answer is stored as it is; the rest is the record as JSON. */
import { beginKeyed, endKeyed, ownsKey, type Keyed } from "../../../domain/idempotency.ts";
import type { KeyCall } from "./calls.ts";
import { exactly, read } from "./commands.ts";

export function keyScripts(root: string, nowMs: number) {
  const keyOf = (name: string) => `${root}keys:${name}`;

  function find(name: string): Keyed | null {
    const stored = read("HGET", keyOf(name), "record");
    return stored === null ? null : (cjson.decode(stored) as Keyed);
  }

  function put(name: string, record: Keyed, body: string | null): void {
    redis.call("HSET", keyOf(name), "record", cjson.encode(record));
    if (body !== null) redis.call("HSET", keyOf(name), "body", body);
    redis.call("PEXPIRE", keyOf(name), exactly(Math.ceil(record.forgetAtMs - nowMs)));
  }

  return {
    /** @returns what the domain answers, and the body where it was answered before */
    begin(call: Extract<KeyCall, { verb: "begin_key" }>): readonly string[] {
      const known = find(call.name);
      const { record, reply } = beginKeyed(known, call.requestSha256, call.queueId, call.leaseMs, nowMs);
      if (known !== null && nowMs >= known.forgetAtMs) redis.call("DEL", keyOf(call.name));
      if (record !== known) put(call.name, record, null);
      return [cjson.encode(reply), read("HGET", keyOf(call.name), "body") ?? ""];
    },

    /** @returns false: the token is stale */
    end({ name, fence, end }: Extract<KeyCall, { verb: "end_key" }>, body: string): boolean {
      const known = find(name);
      const isAnswer = end.kind === "answered";
      const record = endKeyed(known, fence, isAnswer ? { kind: "answered", body: "" } : end);
      if (record === null && known !== null) redis.call("DEL", keyOf(name));
      if (record !== null && record !== known) put(name, record, isAnswer ? body : null);
      return ownsKey(known, fence);
    },
  };
}
