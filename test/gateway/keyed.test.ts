/** What a keyed request does with a judgement that its store is slow to take. */
import { expect, it } from "vitest";
import { ok } from "../../src/domain/result.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { createKeyedSubmit } from "../../src/gateway/idempotency.ts";
import { StoreAway, type Keys, type Tickets } from "../../src/gateway/ports.ts";
import type { Asked } from "../../src/gateway/resolve.ts";
import type { Caller } from "../../src/gateway/submission.ts";

/** @param failures of the store before it takes what came of the request */
async function submitted(failures: number) {
  const ends: string[] = [];
  const keys: Keys = {
    begin: () => Promise.resolve({ kind: "begun", queueId: "q", fence: 7, again: false }),
    async end(_name, fence, end) {
      ends.push(`${fence} ${JSON.stringify(end)}`);
      if (ends.length <= failures) throw new StoreAway("slow");
      return true;
    },
  };
  const submitKeyed = createKeyedSubmit(
    { keys, tickets: {} as Tickets, newId: () => "q" },
    (async () => ok({ kind: "judged" })) as unknown as Gateway["submit"],
    { leaseMs: 1, retentionMs: 1 },
  );
  const request = { name: "n", requestSha256: "h" };
  const answer = await submitKeyed(request, {} as Asked, {} as Caller, () => "the body");
  return { answer, ends };
}

it("offers a judgement that was paid for a second time, as the same", async () => {
  const { answer, ends } = await submitted(1);
  expect(answer).toEqual(ok({ kind: "answered", body: "the body" }));
  expect(ends).toEqual(Array.from({ length: 2 }, () => '7 {"kind":"answered","body":"the body"}'));
});

it("gives none that could not be stored then", async () => {
  const { answer, ends } = await submitted(2);
  expect(answer).toEqual({ ok: false, error: { kind: "store_away" } });
  expect(ends).toHaveLength(2);
});
