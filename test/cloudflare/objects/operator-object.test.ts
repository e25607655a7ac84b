/** What operators did, in the object that serves them, and how it learns of tenants. */
import { describe, expect, it, vi } from "vitest";
import { configOf } from "../../../src/cloudflare/environment.ts";
import { OperatorObject } from "../../../src/cloudflare/objects/operator-object.ts";
import { remoteActions } from "../../../src/cloudflare/stubs/operator.ts";
import { testActions } from "../../contracts/actions.ts";
import { draftOf } from "../../contracts/tickets.ts";
import { env, evictAll, freshWorld, settled, ticketsOf } from "../objects.ts";

describe("operators' actions in their object", () => {
  testActions(configOf(env).queue.retentionMs, async () => {
    const { advance, nowMs } = await freshWorld();
    return { actions: remoteActions(env), nowMs, advance, restart: evictAll };
  });
});

const list = () =>
  ticketsOf().list({ tenant: null, tenantKey: "", provider: null, status: null, limit: 50, after: null });
const known = async () => (await list()).tickets.length;

it("is told of a tenant once, however many tickets the tenant has, and again until it has heard", async () => {
  const { advance } = await freshWorld();
  const { noteTenant } = OperatorObject.prototype;
  let isAway = true;
  const told = vi.spyOn(OperatorObject.prototype, "noteTenant").mockImplementation(function (
    this: OperatorObject,
    ...given
  ) {
    if (isAway) throw new Error("it is away");
    noteTenant.call(this, ...given);
  });
  for (let tickets = 0; tickets < 3; tickets++) await ticketsOf().create(draftOf());
  await settled();
  // The gates know of them, but in no tenant's index are they found.
  expect((await list()).complete).toBe(false);
  isAway = false;
  await advance(5_000);
  told.mockClear();
  expect(await known()).toBe(3);
  await ticketsOf().create(draftOf());
  await evictAll();
  await ticketsOf().create(draftOf());
  await settled();
  expect(await known()).toBe(5);
  expect(told).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});
