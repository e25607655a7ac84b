/** What a tenant's endpoints are told, from the object that has its index: entered with the number in the feed, sent by the object's alarm. */
import { runInDurableObject } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { keeperIn } from "../../../src/cloudflare/objects/index-deliveries.ts";
import { remoteDeliveries } from "../../../src/cloudflare/stubs/deliveries.ts";
import { receiversIn } from "../../../src/cloudflare/webhooks.ts";
import type { DeliveryKeeper } from "../../../src/engine/deliveries.ts";
import { withoutTexts } from "../../../src/engine/ticket-codec.ts";
import type { Draft } from "../../../src/gateway/ports.ts";
import { webhookBody } from "../../../src/http/notices.ts";
import { postTimeoutMs } from "../../../src/push/post.ts";
import { atOnceInTests, testDeliveries } from "../../contracts/deliveries.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import type { Heard } from "../../support/receivers.ts";
import { alarmOf, env, evictAll, freshWorld, settled, storedIn, ticketsOf } from "../objects.ts";

const receivers = inject("receivers").http;
const place = crypto.randomUUID();
const secret = `whsec_${btoa("a".repeat(32))}`;
const otherSecret = `whsec_${btoa("b".repeat(32))}`;
Object.assign(env, {
  ENVIRONMENT: "test",
  LOG_LEVEL: "error",
  WEBHOOK_URLS: `tenant-one/main=${receivers}/204/${place} tenant-bad/main=${receivers}/500/${place}`,
  WEBHOOK_SECRETS: `tenant-one/main=${secret} tenant-bad/main=${otherSecret}`,
});

const tickets = ticketsOf();
const indexOf = (tenant: string) => env.TENANT_INDEXES.get(env.TENANT_INDEXES.idFromName(`tenant:${tenant}`));
const heardAt = async (path: string) =>
  ((await (await fetch(`${receivers}${path}/${place}`)).json()) as Heard).requests;
const log = async (tenant: string) =>
  (await remoteDeliveries(env, tenant).page({ tenant, name: null, status: null, after: null, limit: 50 }))
    .deliveries;

function draft(tenant: string): Draft {
  const made = draftOf();
  return { ...made, about: { ...made.about, tenant } };
}

async function end(tenant: string): Promise<string> {
  const { id } = (await kept(tickets, draft(tenant))).about;
  await tickets.claim(id, id, false);
  await tickets.settle(id, 1, judged);
  await settled();
  return id;
}

afterEach(() => vi.restoreAllMocks());

describe("in a Durable Object", () => {
  testDeliveries(async () => {
    const world = await freshWorld();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const ask = <Reply>(verb: (keeper: DeliveryKeeper) => Reply): Promise<Reply> =>
      runInDurableObject(indexOf("contract"), (_, { storage }) => verb(keeperIn(storage, atOnceInTests)));
    return {
      store: {
        take: (...asked) => ask((keeper) => keeper.take(...asked)),
        settle: (...asked) => ask((keeper) => keeper.settle(...asked)),
        tidy: (...asked) => ask((keeper) => keeper.tidy(...asked)),
        next: (...asked) => ask((keeper) => keeper.next(...asked)),
        redeliver: (...asked) => ask((keeper) => keeper.redeliver(...asked)),
        testedWell: (...asked) => ask((keeper) => keeper.testedWell(...asked)),
        page: (...asked) => ask((keeper) => keeper.page(...asked)),
        health: (...asked) => ask((keeper) => keeper.health(...asked)),
      },
      enter: (...entered) => ask((keeper) => keeper.enter(...entered)),
      advance: async (ms) => world.tick(ms),
      nowMs: world.nowMs,
    };
  });
});

describe("a ticket's end", () => {
  it("is told its tenant's endpoint once, signed, though the object was evicted in between", async () => {
    const world = await freshWorld();
    const before = (await heardAt("/204")).length;
    const id = await end("tenant-one");
    await evictAll();
    await world.advance(1_000);
    const [webhook, ...more] = (await heardAt("/204")).slice(before);
    expect(more).toEqual([]);
    // As a ticket's object would have it rendered.
    const ticket = await tickets.load(id);
    expect(webhook?.body).toBe(ticket && webhookBody(withoutTexts(ticket), false));
    const headers = webhook?.headers as Record<string, string>;
    expect(headers).toMatchObject({ "content-type": "application/json", "webhook-id": `evt_${id}_3` });
    vi.spyOn(Date, "now").mockReturnValue(world.nowMs());
    expect(new Webhook(secret).verify(webhook?.body ?? "", headers)).toMatchObject({
      type: "ticket.completed",
      data: { queue_id: id, status: "completed", result: null },
    });
    expect(webhook?.body).not.toMatch(/Essay of|Prompt of|It argues|"id":/);
    expect(await log("tenant-one")).toMatchObject([
      { ticketId: id, attempts: 1, lastStatus: 204, state: { status: "delivered" } },
    ]);
    await world.advance(3_600_000);
    expect(await heardAt("/204")).toHaveLength(before + 1);
  });

  it("of a tenant without an endpoint is entered nowhere, and rings nobody", async () => {
    const world = await freshWorld();
    const before = (await heardAt("/204")).length;
    await end("tenant-two");
    expect(Object.keys(await storedIn(indexOf("tenant-two")))).not.toContain("deliveries");
    expect(await alarmOf(indexOf("tenant-two"))).toBeGreaterThan(world.nowMs() + 3_600_000);
    await world.advance(60_000);
    expect(await heardAt("/204")).toHaveLength(before);
    expect(await log("tenant-two")).toEqual([]);
  });

  it("is told again under its id while its receiver answers ill, and is nobody else's", async () => {
    const world = await freshWorld();
    const before = (await heardAt("/500")).length;
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const id = await end("tenant-bad");
    await world.advance(4_000);
    expect(await heardAt("/500")).toHaveLength(before + 1);
    await world.advance(70_000);
    const all = (await heardAt("/500")).slice(before);
    expect(all.map(({ headers }) => headers["webhook-id"])).toEqual(
      Array.from({ length: 3 }, () => `evt_${id}_3`),
    );
    const [delivery] = await log("tenant-bad");
    expect(delivery).toMatchObject({
      attempts: 3,
      lastStatus: 500,
      lastError: "status",
      state: { status: "due" },
    });
    const { known } = await receiversIn(env);
    const health = await remoteDeliveries(env, "tenant-bad").health(
      known.filter(({ tenant }) => tenant === "tenant-bad"),
    );
    expect(health).toMatchObject([{ name: "main", pending: 1, failingSinceMs: expect.any(Number) }]);
    expect(await log("tenant-one")).toEqual([]);
    const foreign = remoteDeliveries(env, "tenant-one").redeliver("tenant-one", delivery?.id ?? "");
    expect(await foreign).toEqual({ kind: "unknown" });
    // By hand it goes at once.
    await remoteDeliveries(env, "tenant-bad").redeliver("tenant-bad", delivery?.id ?? "");
    await world.advance(1_000);
    expect(await heardAt("/500")).toHaveLength(before + 4);
  });

  it("is sent again when its object dies over it", async () => {
    const world = await freshWorld();
    const before = (await heardAt("/204")).length;
    await end("tenant-one");
    await runInDurableObject(indexOf("tenant-one"), async (_, { storage }) => {
      const { known } = await receiversIn(env);
      keeperIn(storage, 5).take(known, 1, postTimeoutMs * 4);
    });
    await evictAll();
    await world.advance(59_000);
    expect(await heardAt("/204")).toHaveLength(before);
    await world.advance(2_000);
    expect(await heardAt("/204")).toHaveLength(before + 1);
  });

  it("goes with its ticket", async () => {
    const world = await freshWorld();
    await end("tenant-one");
    await world.advance(2 * 86_400_000);
    expect((await storedIn(indexOf("tenant-one")))["deliveries"]).toEqual([]);
  });
});
