/** The attempts of a ticket: how many, when, and what each is. */
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { claimTicket } from "../../src/cloudflare/claim.ts";
import { StoreAway } from "../../src/gateway/ports.ts";
import { refused, said, slow, verdict, type Step } from "../support/scripted-transport.ts";
import { outage } from "../support/outage.ts";

/** Nothing that a ticket meets here opens the breaker. */
const sturdy = { CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1000", LLM_MAX_RETRIES: "0" };
const hourMs = 3_600_000;

/** The vendor's answers to one ticket, in order, and a good one after them. */
async function ticketWith(steps: readonly Step[], env: Record<string, string> = {}, random = () => 0.5) {
  const world = outage({ env: { ...sturdy, ...env }, random });
  world.answerWith(() => steps[world.calls.length - 1] ?? verdict());
  await world.queue("a");
  return world;
}

describe("a ticket whose calls fail", () => {
  it.each([0, 1, 3, 7])(
    "is charged with 1 + QUEUE_MAX_RETRIES faults (%i) while others are judged, then it failed, with the last error",
    async (retries) => {
      const world = outage({ env: { ...sturdy, QUEUE_MAX_RETRIES: String(retries) } });
      world.answerWith((essay) => (essay === "essay-a" ? refused(503) : verdict()));
      await world.queue("a");
      while (world.ticket("a")?.state.status === "queued" && world.calls.length < 2_000) {
        await world.ask("b", { processing_mode: "immediate" });
        await world.clock.advance(5_000);
      }
      const { status, body } = await world.request(`/api/v1/results/${world.idOf("a")}`);
      expect([status, body["error_type"]]).toEqual([502, "SERVICE_UNAVAILABLE"]);
      expect(world.ticket("a")?.progress.attempts).toBe(1 + retries);
      // Its calls in between, a minute apart at least, cost nothing.
      const its = world.calls.filter(({ essay }) => essay === "essay-a");
      expect(its.at(-1)?.atMs).toBeGreaterThanOrEqual(retries * 60_000);
      expect((await world.request(`/api/v1/status/${world.idOf("a")}`)).body["retry_count"]).toBe(its.length);
    },
  );

  it("is judged by its last attempt as by its first", async () => {
    const world = await ticketWith([refused(500), refused(500), refused(500)]);
    await world.clock.advance(hourMs);
    const { status, body } = await world.request(`/api/v1/results/${world.idOf("a")}`);
    expect([status, (body["metadata"] as { attempts: number }).attempts]).toEqual([200, 4]);
  });

  it.each([
    [0, [0, 1_000, 3_000, 7_000]],
    [0.5, [0, 1_500, 4_500, 10_500]],
    [0.999_999, [0, 2_000, 6_000, 14_000]],
  ])(
    "is backed off, the upper half at random: with a random %d its calls are at %j ms",
    async (random, times) => {
      const world = await ticketWith([refused(503), refused(503), refused(503)], {}, () => random);
      await world.clock.advance(hourMs);
      expect(world.times()).toEqual(times);
    },
  );

  it("waits as long as the vendor asked, and at most 15 minutes", async () => {
    const world = await ticketWith([
      refused(503, { "retry-after": "600" }),
      refused(503, { "retry-after": "5000" }),
    ]);
    await world.clock.advance(hourMs);
    expect(world.times()).toEqual([0, 600_000, 1_500_000]);
  });

  it("waits as long as the vendor told the live call before it", async () => {
    const world = outage({ env: sturdy });
    world.answerWith(() => (world.calls.length === 1 ? refused(503, { "retry-after": "100" }) : verdict()));
    expect(await world.ask("a")).toBe(202);
    await world.clock.advance(hourMs);
    expect(world.times()).toEqual([0, 100_000]);
  });

  it("does not keep others waiting in its backoff", async () => {
    const world = await ticketWith([refused(503, { "retry-after": "600" })], { QUEUE_CONCURRENCY: "1" });
    await world.clock.advance(0);
    await world.queue("b");
    await world.clock.advance(0);
    expect(world.order()).toEqual(["a", "b"]);
  });

  it("is timed like a live request: LLM_REQUEST_TIMEOUT_SECONDS covers one attempt, its one more ask included", async () => {
    const world = await ticketWith([slow(said("tie"), 40_000), "stall"]);
    await world.clock.advance(49_999);
    expect(world.vendor.signals[1]?.aborted).toBe(false);
    await world.clock.advance(1);
    expect(world.vendor.signals[1]?.reason).toBe("timeout");
    expect(world.ticket("a")).toMatchObject({ progress: { attempts: 0, failedAttempts: 1 } });
  });
});

describe("the one more ask", () => {
  it("is made inside an attempt and costs none: identical, at once", async () => {
    const world = await ticketWith([said("tie")], { QUEUE_MAX_RETRIES: "0" });
    await world.clock.advance(0);
    expect(world.times()).toEqual([0, 0]);
    expect(world.vendor.calls[1]?.body).toBe(world.vendor.calls[0]?.body);
    expect(world.ticket("a")).toMatchObject({
      state: { status: "completed" },
      progress: { attempts: 1, failedAttempts: 0 },
    });
  });

  it("is made once in an attempt; a second attempt a minute later is final, whatever is left", async () => {
    const world = await ticketWith([said("tie"), said("{}"), said("tie"), said("{}")]);
    await world.clock.advance(hourMs);
    expect(world.times()).toEqual([0, 0, 60_000, 60_000]);
    const { status, body } = await world.request(`/api/v1/results/${world.idOf("a")}`);
    expect([status, body["error_type"], body["details"]]).toEqual([502, "INVALID_RESPONSE", "no_verdict"]);
  });
});

it.each([
  ["a request that can't succeed", refused(400), "INVALID_REQUEST"],
  ["a refusal", refused(400, {}, { code: "invalid_prompt" }), "CONTENT_REFUSED"],
] satisfies [string, Step, string][])("is not asked again after %s", async (_, step, type) => {
  const world = await ticketWith([step]);
  await world.clock.advance(hourMs);
  expect(world.calls).toHaveLength(1);
  const { status, body } = await world.request(`/api/v1/results/${world.idOf("a")}`);
  expect([status, body["error_type"]]).toEqual([502, type]);
});

describe("a delivery", () => {
  it("that comes twice, late or after the end makes one call", async () => {
    const world = await ticketWith([slow(verdict(), 1_000)]);
    const id = world.idOf("a");
    for (const ms of [0, 0, 500, 600, hourMs]) {
      world.stores.deliver(id);
      await world.clock.advance(ms);
    }
    expect(world.calls).toHaveLength(1);
    world.stores.deliver("b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f");
    await world.clock.advance(25 * hourMs);
    world.stores.deliver(id);
    await world.clock.advance(0);
    expect([world.calls.length, world.stores.stored.size]).toEqual([1, 0]);
  });

  it("is stored as soon as its store is back: the judgement is not made twice", async () => {
    const world = await ticketWith([]);
    world.stores.away("tickets.settle");
    await world.clock.advance(30_000);
    expect(world.ticket("a")?.state.status).toBe("processing");
    world.stores.away();
    await world.clock.advance(8_000);
    expect(world.ticket("a")?.state.status).toBe("completed");
    expect(world.calls).toHaveLength(1);
  });

  it("whose claim was made and never heard of is given back when its store answers, and leaves no suspicion", async () => {
    const world = outage({ env: sturdy, random: () => 0.5 });
    const { stores: durable, clock } = world;
    const { gate, tickets } = durable;
    const startMs = clock.nowMs();
    const backMs = 20_000;
    const heard: number[] = [];
    durable.workWith(async (id) => {
      const claimed = await claimTicket(
        {
          gate,
          clock,
          newId: randomUUID,
          random: () => 0.5,
          askAfter: () => Promise.resolve(),
          tickets: {
            look: tickets.look,
            giveBack: tickets.giveBack,
            async claim(...given) {
              const claim = await tickets.claim(...given);
              if (clock.nowMs() < startMs + backMs) throw new StoreAway("the answer is lost");
              return claim;
            },
          },
        },
        id,
      );
      if (claimed !== null) heard.push(clock.nowMs() - startMs);
    });
    await world.queue("a");
    await clock.advance(backMs);
    expect(world.ticket("a")?.state.status).toBe("processing");
    await clock.advance(10_000);
    // Well before the lease of the claim that was lost would have ended, it is somebody's: by a claim that he has heard of.
    expect(heard).toHaveLength(1);
    expect(world.ticket("a")?.progress).toMatchObject({ fence: 2, suspect: false, deaths: 0, attempts: 0 });
  });

  it("whose outcome can't be stored within its lease is given up, and the ticket asked for again", async () => {
    const world = await ticketWith([]);
    world.stores.away("tickets.settle");
    await world.clock.advance(65_000);
    world.stores.away();
    await world.clock.advance(60_000);
    expect(world.ticket("a")?.state.status).toBe("completed");
    expect(world.calls).toHaveLength(2);
  });
});

it("fails a ticket after its process died with it alone for the third time: INTERNAL_ERROR", async () => {
  const world = await ticketWith(["stall"]);
  const id = world.idOf("a");
  let service: Pick<typeof world, "clock" | "restarted" | "request" | "vendor"> = world;
  let calls = 0;
  for (let death = 0; death < 6; death++) {
    await service.clock.advance(0);
    calls += service.vendor.calls.length;
    service = service.restarted({ steps: () => "stall" });
    await service.clock.advance(65_000);
  }
  const { status, body } = await service.request(`/api/v1/results/${id}`);
  expect([status, body["error_type"], body["error"]]).toEqual([
    502,
    "INTERNAL_ERROR",
    "This service failed each time that it tried.",
  ]);
  // The first death may have been another's fault; then three alone.
  expect(calls).toBe(4);
});

it("ends at its time, also when it is in flight then: it stays processing, and is kept if it succeeds", async () => {
  const late = { QUEUE_REQUEST_TTL_HOURS: "0.01" };
  for (const [step, end] of [
    [verdict(), "completed"],
    [refused(503), "expired"],
  ] as const) {
    const first = refused(503, { "retry-after": "30" });
    const world = await ticketWith([first, slow(step, 10_000)], late);
    await world.clock.advance(36_000);
    expect(world.ticket("a")?.state.status).toBe("processing");
    await world.clock.advance(3_999);
    expect(world.ticket("a")?.state.status).toBe("processing");
    await world.clock.advance(1);
    expect(world.ticket("a")?.state.status).toBe(end);
  }
});
