/** Webhooks over days, with the settings that users run: whom is told what and when, and what of it outlives a receiver that is down. */
import { describe, expect, it, onTestFinished } from "vitest";
import type { TicketCopy } from "../../../src/domain/ticket/ticket.ts";
import type { DeliveryStore } from "../../../src/gateway/delivery-store.ts";
import { webhookBody } from "../../../src/http/notices.ts";
import { nodeHmac } from "../../../src/node/push/hmac.ts";
import { createAlarm } from "../../../src/node/sqlite/alarm.ts";
import { createSender } from "../../../src/push/deliver.ts";
import type { PostOutcome, PushRequest } from "../../../src/push/post.ts";
import { receiversOf } from "../../../src/push/receivers.ts";
import { createWebhooks } from "../../../src/push/webhooks.ts";
import type { TelemetryEvent } from "../../../src/telemetry/events.ts";
import { draftOf, judged } from "../../contracts/tickets.ts";
import { config, policy, sqliteForTest } from "../../support/sqlite-store.ts";

const hourMs = 3_600_000;
const secret = `whsec_${btoa("a".repeat(32))}`;
const ok: PostOutcome = { kind: "status", status: 204, retryAfterMs: null };
const refused: PostOutcome = { kind: "refused" };

const settings = {
  endpoints: [
    { tenant: "tenant-one", name: "main", url: "https://hooks.example.org/in?key=canary", secrets: [secret] },
    { tenant: "tenant-two", name: "main", url: "https://other.example.org/", secrets: [secret] },
  ],
  prefixes: [{ tenant: "tenant-one", name: "app", url: "https://app.example.org/hooks", secrets: [secret] }],
  includeResult: false,
  allowPrivate: false,
  maxPending: 100_000,
};

interface Sent extends PushRequest {
  readonly atMs: number;
  readonly id: string;
}

async function worldFor(changes: Partial<typeof settings> = {}) {
  const receivers = await receiversOf({ ...settings, ...changes }, async (text) =>
    `${text.length}`.padStart(16, "0"),
  );
  const world = await sqliteForTest(config, {
    webhooks: { told: receivers, onEntered: () => wake() },
  });
  const { clock } = world;
  const sent: Sent[] = [];
  const told: TelemetryEvent[] = [];
  const faults: unknown[] = [];
  const answers: { of(request: Sent): PostOutcome | Promise<PostOutcome> } = { of: () => ok };
  const parts = () => ({
    receivers,
    deliveries: storeOf(world.sqlite.deliveries),
    mostAtOnce: 40,
    load: (id: string): Promise<TicketCopy | null> => world.tickets.load(id),
    render: webhookBody,
    post: async (request: PushRequest) => {
      const one = { ...request, atMs: clock.nowMs(), id: request.headers["webhook-id"] ?? "" };
      sent.push(one);
      return answers.of(one);
    },
    signing: { hmac: nodeHmac, version: "1.2.3" },
    clock,
    newId: () => crypto.randomUUID(),
    tell: (event: TelemetryEvent) => void told.push(event),
    onFault: (error: unknown) => void faults.push(error),
    wake: () => wake(),
  });
  let sender = createSender(parts());
  let alarm = createAlarm(clock, 60_000, () => sender.look());
  const wake = () => alarm.set(clock.nowMs());
  wake();
  onTestFinished(() => alarm.stop());

  return {
    world,
    clock,
    sent,
    told,
    faults,
    answers,
    webhooks: () => createWebhooks({ ...parts(), deliveriesOf: () => parts().deliveries }),
    rest: () => sender.rest(),
    /** A new process, after a kill. */
    async restart() {
      alarm.stop();
      await world.restart();
      sender = createSender(parts());
      alarm = createAlarm(clock, 60_000, () => sender.look());
      wake();
    },
    /** @returns the ids of tickets that have ended now */
    async end(count: number, tenant = "tenant-one"): Promise<readonly string[]> {
      const drafts = Array.from({ length: count }, () => {
        const draft = draftOf();
        return { ...draft, about: { ...draft.about, tenant } };
      });
      await Promise.all(drafts.map((draft) => world.tickets.create(draft)));
      await Promise.all(drafts.map(({ about }) => world.tickets.cancel(about.id, "owner")));
      return drafts.map(({ about }) => about.id);
    },
    async judge(): Promise<string> {
      const draft = draftOf();
      await world.tickets.create(draft);
      await world.tickets.claim(draft.about.id, "p", false);
      await world.tickets.settle(draft.about.id, 1, judged);
      return draft.about.id;
    },
    /** Until nothing is left to do at this moment. */
    async atRest() {
      for (let before = -1; before !== sent.length;) {
        before = sent.length;
        for (let turn = 0; turn < 8; turn++) await clock.advance(0);
      }
    },
  };
}

function storeOf(deliveries: DeliveryStore | null): DeliveryStore {
  if (deliveries === null) throw new Error("nobody is told");
  return deliveries;
}

const ticketsIn = (sent: readonly Sent[]) => sent.map(({ id }) => /^evt_([\da-f-]{36})_\d+$/.exec(id)?.[1]);

describe("an end", () => {
  it("is told at once, to its tenant's endpoints alone, once", async () => {
    const { end, atRest, sent, told, world } = await worldFor();
    const [mine = ""] = await end(1);
    const [theirs = ""] = await end(1, "tenant-two");
    await end(1, "tenant-three");
    await atRest();
    await world.advance(48 * hourMs);
    expect(sent.map(({ url }) => url)).toEqual([settings.endpoints[0]?.url, settings.endpoints[1]?.url]);
    expect(ticketsIn(sent)).toEqual([mine, theirs]);
    expect(sent[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "llm-provider-service/1.2.3",
      "webhook-id": `evt_${mine}_2`,
      "webhook-timestamp": String(Math.floor((sent[0]?.atMs ?? 0) / 1_000)),
    });
    expect(JSON.parse(sent[0]?.body ?? "")).toMatchObject({
      type: "ticket.cancelled",
      data: { queue_id: mine, status: "cancelled", result: null, metadata: { batch: "“Grüße”" } },
    });
    expect(told).toMatchObject([
      { kind: "webhook_attempt", tenant: "tenant-one", endpoint: "main", status: 204, attempt: 1 },
      { kind: "webhook_attempt", tenant: "tenant-two" },
    ]);
    expect(JSON.stringify(told)).not.toMatch(/example\.org|canary/);
  });

  it("holds no text and no result, but where results are asked for, and then the result alone", async () => {
    const thin = await worldFor();
    await thin.judge();
    await thin.atRest();
    const fat = await worldFor({ includeResult: true });
    await fat.judge();
    await fat.atRest();
    expect(JSON.parse(thin.sent[0]?.body ?? "")).toMatchObject({
      type: "ticket.completed",
      data: { result: null },
    });
    expect(JSON.parse(fat.sent[0]?.body ?? "")).toMatchObject({
      data: { result: { winner: "Essay A", justification: "It argues." } },
    });
    expect(JSON.stringify(thin.sent)).not.toMatch(/Essay of|Prompt of|It argues|user-one/);
    expect(JSON.stringify(fat.sent)).not.toMatch(/Essay of|Prompt of|user-one/);
  });

  it("is tried again as it was, under its id, with a timestamp of its own, in the steps that are promised", async () => {
    const { judge, atRest, sent, answers, world } = await worldFor();
    answers.of = () => refused;
    await judge();
    await atRest();
    await world.advance(policy.retentionMs + hourMs);
    const [first] = sent;
    const waits = sent.slice(1).map(({ atMs }, index) => atMs - (sent[index]?.atMs ?? 0));
    expect(waits).toEqual([5_000, 60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000]);
    for (const { id, body, headers, atMs } of sent) {
      expect([id, body]).toEqual([first?.id, first?.body]);
      expect(headers["webhook-timestamp"]).toBe(String(Math.floor(atMs / 1_000)));
    }
    expect(world.faults).toEqual([]);
  });
});

describe("a receiver that is down for days", () => {
  it(
    "is probed each quarter of an hour, is off after five days, and is told what is kept when a test finds it again",
    { timeout: 60_000 },
    async () => {
      const { end, atRest, sent, answers, told, world, webhooks } = await worldFor();
      answers.of = ({ url }) => (url.includes("hooks.example.org") ? refused : ok);
      for (let hours = 0; hours < 124; hours += 2) {
        await end(3);
        await world.advance(2 * hourMs);
      }
      const main = sent.filter(({ url }) => url.includes("hooks.example.org"));
      const lateAtMs = (main[0]?.atMs ?? 0) + 24 * hourMs;
      const late = main.filter(({ atMs }) => atMs > lateAtMs);
      const waits = late.slice(1).map(({ atMs }, index) => atMs - (late[index]?.atMs ?? 0));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(900_000);
      const off = told.filter(({ kind }) => kind === "webhook_off");
      expect(off).toEqual([
        { kind: "webhook_off", tenant: "tenant-one", endpoint: "main", reason: "silent" },
      ]);
      const spanMs = (main.at(-1)?.atMs ?? 0) - (main[0]?.atMs ?? 0);
      expect(spanMs).toBeGreaterThanOrEqual(120 * hourMs);
      expect(spanMs).toBeLessThan(121 * hourMs);
      // Another tenant's is told meanwhile.
      const [theirs] = await end(1, "tenant-two");
      await atRest();
      expect(ticketsIn(sent).at(-1)).toBe(theirs);
      expect(await webhooks().warnings()).toMatchObject(
        [/1 switched off/, /dropped/].map((text) => expect.stringMatching(text)),
      );

      answers.of = () => ok;
      const before = sent.length;
      expect(await webhooks().test("tenant-one", "main")).toMatchObject({ kind: "tested", isGood: true });
      await world.advance(60_000);
      await atRest();
      const after = sent.slice(before + 1);
      const [shown] = await webhooks().endpoints("tenant-one");
      expect(shown).toMatchObject({ host: "hooks.example.org", health: { state: "ok", pending: 0 } });
      // Those of the last day, 3 each 2 hours; the others were forgotten with their tickets, and are counted.
      expect(new Set(ticketsIn(after)).size).toBe(after.length);
      expect(after.length).toBeGreaterThanOrEqual(33);
      expect(after.length).toBeLessThanOrEqual(39);
      // A few were given up, for their next attempt would have come too late.
      const givenUp = 3 * 62 - after.length - (shown?.health.dropped ?? 0);
      expect(givenUp).toBeGreaterThanOrEqual(0);
      expect(givenUp).toBeLessThan(12);
    },
  );

  it(
    "is told thousands that have gathered, oldest first, never more than ten at once, each once",
    { timeout: 60_000 },
    async () => {
      const { end, atRest, sent, answers, world } = await worldFor();
      answers.of = () => refused;
      const ended: string[] = [];
      for (let batch = 0; batch < 20; batch++) {
        ended.push(...(await end(100)));
        await world.advance(60_000);
      }
      const before = sent.length;
      let atOnce = 0;
      let most = 0;
      answers.of = async () => {
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce--;
        return ok;
      };
      await world.advance(900_000);
      await atRest();
      const after = ticketsIn(sent.slice(before));
      expect(after).toHaveLength(2_000);
      expect(new Set(after)).toEqual(new Set(ended));
      expect(most).toBe(10);
    },
  );
});

describe("a process", () => {
  it("that is killed between the end and the answer tells it again, and no end is lost", async () => {
    const { end, atRest, sent, answers, restart, world } = await worldFor();
    const never = new Promise<PostOutcome>(() => {});
    answers.of = () => never;
    const ended = await end(3);
    await atRest();
    expect(sent).toHaveLength(3);
    answers.of = () => ok;
    await restart();
    await world.advance(60_000);
    await atRest();
    expect(new Set(ticketsIn(sent.slice(3)))).toEqual(new Set(ended));
    expect(
      sent
        .slice(3)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(
      sent
        .slice(0, 3)
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  it("that is asked to stop takes nothing more, and waits three seconds for what is under way", async () => {
    const { end, atRest, sent, answers, rest, restart, world } = await worldFor();
    const answer = Promise.withResolvers<PostOutcome>();
    answers.of = () => answer.promise;
    await end(1);
    await atRest();
    const resting = rest();
    await end(1);
    await atRest();
    expect(sent).toHaveLength(1);
    answer.resolve(ok);
    await resting;
    answers.of = () => ok;
    await restart();
    await world.advance(60_000);
    expect(sent).toHaveLength(2);
  });
});

describe("a caller's own URL", () => {
  it("is told in place of the tenant's endpoints, as long as its prefix allows it", async () => {
    const { sent, atRest, world } = await worldFor();
    const endWith = async (url: string) => {
      const draft = draftOf();
      const about = { ...draft.about, callback: { name: "app", url } };
      await world.tickets.create({ ...draft, about });
      await world.tickets.cancel(about.id, "owner");
      await atRest();
    };
    await endWith("https://app.example.org/hooks/17?x=1");
    expect(sent.map(({ url, reach }) => `${url} ${reach}`)).toEqual([
      "https://app.example.org/hooks/17?x=1 public",
    ]);
    // The settings have changed since it was accepted.
    await endWith("https://app.example.org/elsewhere");
    expect(sent).toHaveLength(1);
  });
});
