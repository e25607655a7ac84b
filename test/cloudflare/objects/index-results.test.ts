/** Webhooks with results, and to callers' own URLs: what a tenant's index must ask the ticket's object for. */
import { runInDurableObject } from "cloudflare:test";
import { expect, inject, it, vi } from "vitest";
import { TicketObject } from "../../../src/cloudflare/objects/ticket-object.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import type { Heard } from "../../support/receivers.ts";
import { env, freshWorld, settled, ticketsOf } from "../objects.ts";

const receivers = inject("receivers").http;
const place = crypto.randomUUID();
const [secret, otherSecret] = ["a", "b"].map((letter) => `whsec_${btoa(letter.repeat(32))}`);
Object.assign(env, {
  ENVIRONMENT: "test",
  LOG_LEVEL: "error",
  WEBHOOK_URLS: `tenant-one/main=${receivers}/204/${place}`,
  WEBHOOK_CALLBACK_PREFIXES: `tenant-one/app=${receivers}/200`,
  WEBHOOK_SECRETS: `tenant-one/main=${secret} tenant-one/app=${otherSecret}`,
  WEBHOOK_INCLUDE_RESULT: "true",
});

const tickets = ticketsOf();
const heardAt = async (path: string) =>
  ((await (await fetch(`${receivers}${path}/${place}`)).json()) as Heard).requests;

async function end(callback?: { readonly name: string; readonly url: string }): Promise<string> {
  const draft = draftOf();
  const about = { ...draft.about, tenant: "tenant-one", ...(callback && { callback }) };
  const { id } = (await kept(tickets, { ...draft, about })).about;
  await tickets.claim(id, id, false);
  await tickets.settle(id, 1, judged);
  await settled();
  return id;
}

it("has the results with an end, where the settings say so", async () => {
  const world = await freshWorld();
  const id = await end();
  await world.advance(1_000);
  const [webhook] = await heardAt("/204");
  expect(JSON.parse(webhook?.body ?? "")).toMatchObject({
    data: { queue_id: id, result: { winner: "Essay A", justification: "It argues." } },
  });
});

it("tells a caller's own URL in place of the endpoints, and only one that a prefix allows", async () => {
  const world = await freshWorld();
  const before = (await heardAt("/204")).length;
  const id = await end({ name: "app", url: `${receivers}/200/${place}` });
  await end({ name: "app", url: `${receivers}/201/${place}` });
  await world.advance(1_000);
  expect((await heardAt("/200")).map(({ headers }) => headers["webhook-id"])).toEqual([`evt_${id}_3`]);
  expect(await heardAt("/201")).toEqual([]);
  expect(await heardAt("/204")).toHaveLength(before);
});

it("drops what its ticket's object knows nothing of", async () => {
  const world = await freshWorld();
  const before = (await heardAt("/204")).length;
  vi.spyOn(TicketObject.prototype, "show").mockResolvedValue(null);
  await end();
  await world.advance(120_000);
  expect(await heardAt("/204")).toHaveLength(before);
  const index = env.TENANT_INDEXES.get(env.TENANT_INDEXES.idFromName("tenant:tenant-one"));
  const records = await runInDurableObject(index, (_, { storage: { sql } }) =>
    sql.exec<{ record: string }>("SELECT record FROM deliveries").toArray(),
  );
  expect(records.map(({ record }) => JSON.parse(record) as unknown)).toMatchObject([
    { state: { status: "dropped" } },
  ]);
});
