/** The bus on Workers: each ticket's object sends its own events, to a queue or a real sink over HTTP. */
import { afterEach, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { draftOf, kept } from "../contracts/tickets.ts";
import { storiesIn, type SunkEvent } from "../support/event-sink.ts";
import { alarmOf, env, evictAll, freshWorld, settled, storedIn, ticketsOf } from "./objects.ts";

declare module "vitest" {
  // As in test/support/event-sink-setup.ts, which no compiler of workerd reads.
  interface ProvidedContext {
    eventSinkUrl: string;
    eventSinkControlUrl: string;
  }
}

vi.setConfig({ testTimeout: 60_000 });

const controlUrl = inject("eventSinkControlUrl");
const judged = {
  kind: "judged",
  result: {
    judgement: { winner: "Essay A", justification: "canary", confidence: 4.2, normalizations: [] },
    model: "mock-judge-1",
    usage: null,
    durationMs: 800,
  },
  spent: { calls: 1, costUsd: 0.01 },
} as const;
const wholeStory = "queued processing completed";

// Before any object starts, for it has the same settings.
Object.assign(env, { EVENTS_URL: inject("eventSinkUrl"), EVENTS_TOKEN: "a-token-for-the-sink" });

const stubOf = (id: string) => env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id));

const answer = (how: number | "hang") => fetch(`${controlUrl}/${how}`, { method: "POST" });

async function taken(id: string): Promise<readonly SunkEvent[]> {
  const { events } = await (await fetch(controlUrl)).json<{ events: readonly SunkEvent[] }>();
  return events.filter(({ subject }) => subject === id);
}

async function story(id: string): Promise<string | undefined> {
  await settled();
  return storiesIn(await taken(id)).get(id);
}

describe("an object tells the sink", () => {
  const tickets = ticketsOf();
  let world: Awaited<ReturnType<typeof freshWorld>>;
  let printed: string[] = [];
  let restore = () => {};
  beforeEach(async () => {
    printed = [];
    const spy = vi.spyOn(console, "log").mockImplementation((line) => void printed.push(String(line)));
    // What is at `console.log` then is not the spy itself, in workerd.
    restore = () => spy.mockRestore();
    await answer(204);
    world = await freshWorld();
  });
  afterEach(() => restore());

  async function judgedTicket(): Promise<string> {
    const { id } = (await kept(tickets, draftOf())).about;
    await settled();
    await tickets.claim(id, "permit", false);
    expect(await tickets.settle(id, 1, judged)).toEqual({ kind: "stored" });
    return id;
  }

  it("every transition, in order, once, and no text", async () => {
    const id = await judgedTicket();
    await vi.waitFor(async () => expect(await story(id)).toBe(wholeStory));
    const events = await taken(id);
    expect(events).toHaveLength(3);
    for (const { text, headers } of events) {
      expect(text).not.toMatch(/canary|Grüße|user-one|tenant-one/);
      expect(headers).toMatchObject({
        "content-type": "application/cloudevents+json; charset=utf-8",
        authorization: "Bearer a-token-for-the-sink",
      });
    }
  });

  it("nothing twice, whoever asks after the ticket, and however often it is evicted", async () => {
    const id = await judgedTicket();
    await vi.waitFor(async () => expect(await story(id)).toBe(wholeStory));
    for (let look = 0; look < 3; look++) {
      await evictAll();
      await tickets.load(id);
    }
    await world.advance(3_600_000);
    expect(await taken(id)).toHaveLength(3);
  });

  it("and may sleep as soon as it is answered", async () => {
    const id = await judgedTicket();
    await vi.waitFor(async () => expect(await story(id)).toBe(wholeStory));
    const startedAtMs = Date.now();
    await evictAll();
    // What keeps it awake is paid for; the time limit of a POST is 15 s.
    expect(Date.now() - startedAtMs).toBeLessThan(10_000);
  });

  it("what it did not take, when it is back, over evictions", async () => {
    await answer(503);
    const id = await judgedTicket();
    await settled();
    await evictAll();
    expect(await taken(id)).toEqual([]);
    await answer(204);
    await world.advance(20_000);
    await vi.waitFor(async () => expect(await story(id)).toBe(wholeStory));
  });

  it("while it is away it costs a ticket nothing but an alarm now and then, and one line in the log", async () => {
    await answer(503);
    const id = await judgedTicket();
    await settled();
    const stub = stubOf(id);
    // By then alarms are a quarter of an hour apart.
    await world.advance(2 * 3_600_000);
    await settled();
    const gapMs = Number(await alarmOf(stub)) - world.nowMs();
    expect(gapMs).toBeGreaterThan(0);
    expect(gapMs).toBeLessThanOrEqual(900_000);
    const { asked: before } = await (await fetch(controlUrl)).json<{ asked: number }>();
    await world.advance(3_600_000);
    const { asked } = await (await fetch(controlUrl)).json<{ asked: number }>();
    expect(asked - before).toBeLessThanOrEqual(4);
    const lines = printed.filter((line) => line.includes("bus_failing"));
    expect(lines[0]).toContain('"failure_code":"HTTP 503"');
    expect(lines[0]).not.toContain("127.0.0.1");
  });

  it("that hangs: the ticket is kept, claimed, judged and read meanwhile", async () => {
    await answer("hang");
    const id = await judgedTicket();
    expect((await tickets.load(id))?.state.status).toBe("completed");
    await answer(204);
    // What hangs ends in its time, by real time.
    await vi.waitFor(
      async () => {
        await world.advance(20_000);
        expect(await story(id)).toBe(wholeStory);
      },
      { timeout: 40_000, interval: 500 },
    );
  });

  it("nothing of a ticket that the index has heard of is noted at its gate for that", async () => {
    await answer(503);
    await judgedTicket();
    await world.advance(60_000);
    const { unheard = [] } = await storedIn(env.GATES.get(env.GATES.idFromName("mock")));
    expect(unheard).toEqual([]);
  });
});
