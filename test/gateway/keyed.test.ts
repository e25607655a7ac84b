/** What a keyed request does with a judgement that its store is slow to take, and with a ticket that it has kept too late. */
import { expect, it } from "vitest";
import type { Begun } from "../../src/domain/idempotency.ts";
import { ok } from "../../src/domain/result.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { createKeyedSubmit } from "../../src/gateway/idempotency.ts";
import { StoreAway, type Keys, type Tickets } from "../../src/gateway/ports.ts";
import type { Asked } from "../../src/gateway/resolve.ts";
import type { Caller } from "../../src/gateway/submission.ts";
import { lifeOf } from "../stores/mirror/some-ticket.ts";

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
  expect(answer).toEqual(ok({ kind: "answered", body: "the body", isReplayed: false }));
  expect(ends).toEqual(Array.from({ length: 2 }, () => '7 {"kind":"answered","body":"the body"}'));
});

it("gives none that could not be stored then", async () => {
  const { answer, ends } = await submitted(2);
  expect(answer).toEqual({ ok: false, error: { kind: "store_away" } });
  expect(ends).toHaveLength(2);
});

const [queued] = lifeOf(0);

/** The lease of the first request under a key is over when it has kept its ticket. @param next what the key's record says then */
async function keptTooLate(next: Begun) {
  const cancelled: string[] = [];
  let begins = 0;
  const keys: Keys = {
    async begin() {
      begins++;
      return begins === 1 ? { kind: "begun", queueId: "q", fence: 7, again: false } : next;
    },
    end: (_name, fence) => Promise.resolve(fence !== 7),
  };
  const tickets: Partial<Tickets> = {
    load: () => Promise.resolve(queued),
    async cancel(id) {
      cancelled.push(id);
      return null;
    },
  };
  const submitKeyed = createKeyedSubmit(
    { keys, tickets: tickets as Tickets, newId: () => "q" },
    (async () => ok({ kind: "kept", ticket: queued })) as unknown as Gateway["submit"],
    { leaseMs: 1, retentionMs: 1 },
  );
  const answer = await submitKeyed({ name: "n", requestSha256: "h" }, {} as Asked, {} as Caller, () => "");
  return { answer, cancelled };
}

it("gives the answer that another request under the key has had meanwhile, and ends the ticket that came too late", async () => {
  const { answer, cancelled } = await keptTooLate({ kind: "answered", body: "the body" });
  expect(answer).toEqual(ok({ kind: "answered", body: "the body", isReplayed: true }));
  expect(cancelled).toEqual(["q"]);
});

it("gives the ticket that it has kept too late where the key has led another to it, or nobody else has it", async () => {
  const ticketed = await keptTooLate({ kind: "ticketed", queueId: "q", fence: 8, mayEnd: false });
  const begun = await keptTooLate({ kind: "begun", queueId: "q", fence: 8, again: true });
  expect([ticketed, begun]).toEqual(
    Array.from({ length: 2 }, () => ({
      answer: ok({ kind: "kept_before", ticket: queued }),
      cancelled: [],
    })),
  );
});

it("leaves a ticket that came too late to the request that has the key now", async () => {
  const { answer, cancelled } = await keptTooLate({ kind: "busy", untilMs: 9 });
  expect(answer).toEqual({ ok: false, error: { kind: "key_busy", untilMs: 9 } });
  expect(cancelled).toEqual([]);
});

it("ends what an earlier holder of its key may have kept meanwhile, before it gives its own judgement", async () => {
  const done: string[] = [];
  const keys: Keys = {
    begin: () => Promise.resolve({ kind: "begun", queueId: "q", fence: 8, again: true }),
    async end(_name, _fence, end) {
      done.push(end.kind);
      return true;
    },
  };
  const tickets: Partial<Tickets> = {
    load: () => Promise.resolve(null),
    async cancel(id) {
      done.push(`cancel ${id}`);
      return null;
    },
  };
  const submitKeyed = createKeyedSubmit(
    { keys, tickets: tickets as Tickets, newId: () => "q" },
    (async () => ok({ kind: "judged" })) as unknown as Gateway["submit"],
    { leaseMs: 1, retentionMs: 1 },
  );
  await submitKeyed({ name: "n", requestSha256: "h" }, {} as Asked, {} as Caller, () => "");
  expect(done).toEqual(["cancel q", "answered"]);
});
