/** What endpoints are to be told, over a file: entered with the end of its ticket, in one transaction. */
import { describe, expect, it, onTestFinished } from "vitest";
import type { EventToTell } from "../../../src/domain/push/delivery.ts";
import type { KnownEndpoint } from "../../../src/domain/push/endpoint.ts";
import { acceptTicket, claim, settle } from "../../../src/domain/ticket/moves.ts";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import type { ToldAbout, ToldEndpoints } from "../../../src/gateway/delivery-store.ts";
import { openDatabase } from "../../../src/node/sqlite/database.ts";
import { sqliteDeliveries } from "../../../src/node/sqlite/deliveries.ts";
import { groupCommit } from "../../../src/node/sqlite/group-commit.ts";
import { knownEndpoint, testDeliveries } from "../../contracts/deliveries.ts";
import { draftOf, judged, kept } from "../../contracts/tickets.ts";
import { config, directoryForTest, policy, sqliteForTest } from "../../support/sqlite-store.ts";

describe("over a file", () => {
  testDeliveries(async () => {
    const opened = openDatabase(directoryForTest());
    if (!opened.ok) throw new Error(opened.error);
    const { sql, close } = opened.value;
    onTestFinished(close);
    const commits = groupCommit(sql, { ...opened.value, onTrouble: () => {} });
    let nowMs = 1_800_000_000_000;
    let told: ToldEndpoints = { endpointsOf: () => [], maxPending: 0 };
    const store = sqliteDeliveries({
      sql,
      commits,
      nowMs: () => nowMs,
      random: () => 0.5,
      told: {
        endpointsOf: (about) => told.endpointsOf(about),
        get maxPending() {
          return told.maxPending;
        },
      },
      onEntered: () => {},
      onFault(error) {
        throw error;
      },
    });
    return {
      store,
      enter(event, endpoints, maxPending) {
        told = { endpointsOf: () => endpoints, maxPending };
        return commits.write(() => store.enter(ended(event)));
      },
      advance: async (ms) => void (nowMs += ms),
      nowMs: () => nowMs,
    };
  });
});

/** A ticket with this end, of which the event is the third. */
function ended({ ticketId, tenant, endedAtMs, forgetAtMs }: EventToTell): Ticket {
  const { about, texts, spent } = draftOf({ id: ticketId });
  const accepted = acceptTicket({ ...about, tenant }, texts, spent, null, 0, 0, policy);
  const claimed = claim(accepted.ticket, "p", false, 1, policy);
  const { ticket } = settle(claimed.ticket, 1, judged, 2, policy, 0.5);
  if (ticket.state.status !== "completed") throw new Error(ticket.state.status);
  return { ...ticket, state: { ...ticket.state, endedAtMs, forgetAtMs } };
}

const main = knownEndpoint("main", { tenant: "tenant-one" });

async function storeFor(endpoints: readonly KnownEndpoint[] = [main]) {
  const entered: number[] = [];
  const told: ToldEndpoints = {
    endpointsOf: ({ tenant }: ToldAbout) => endpoints.filter((endpoint) => endpoint.tenant === tenant),
    maxPending: 1_000,
  };
  const world = await sqliteForTest(config, {
    webhooks: { told, onEntered: () => void entered.push(entered.length) },
  });
  const all = async (tenant = "tenant-one") => {
    const { deliveries } = world.sqlite;
    if (deliveries === null) throw new Error("nobody is told");
    const page = await deliveries.page({ tenant, name: null, status: null, after: null, limit: 50 });
    return page.deliveries;
  };
  return { world, entered, all };
}

describe("a ticket's end", () => {
  it("is entered with it, whatever the end, once for each endpoint, and nothing before it", async () => {
    const { world, all } = await storeFor([main, knownEndpoint("second", { tenant: "tenant-one" })]);
    const { tickets } = world;
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) {
      const draft = draftOf();
      ids.push(draft.about.id);
      await tickets.create(draft);
      await tickets.claim(draft.about.id, `p${count}`, false);
    }
    expect(await all()).toEqual([]);
    const [judgedOne = "", cancelled = "", died = "", expired = ""] = ids;
    await tickets.settle(judgedOne, 1, judged);
    await tickets.cancel(cancelled, "owner");
    // Its call is over: the ticket is written once more.
    await tickets.settle(cancelled, 1, judged);
    await tickets.settle(died, 1, {
      kind: "failed",
      failure: { reason: "truncated" },
      spent: { calls: 1, costUsd: null },
    });
    await tickets.giveBack(expired, 1);
    await world.advance(policy.ttlMs + 60_000);
    const entered = await all();
    const types = Object.groupBy(entered, ({ ticketId }) => ticketId);
    expect(ids.map((id) => types[id]?.map(({ type, endpoint }) => `${endpoint} ${type}`).toSorted())).toEqual(
      ["completed", "cancelled", "failed", "expired"].map((end) => [
        `main ticket.${end}`,
        `second ticket.${end}`,
      ]),
    );
    for (const { ticketId, eventId, createdAtMs, forgetAtMs } of entered) {
      const events = await world.events(ticketId);
      expect(eventId).toBe(`evt_${ticketId}_${events.length}`);
      expect(forgetAtMs - createdAtMs).toBe(policy.retentionMs);
    }
    expect(JSON.stringify(entered)).not.toMatch(/Essay of|Prompt of|It argues|user-one/);
  });

  it("of a tenant without an endpoint is entered nowhere", async () => {
    const { world, entered, all } = await storeFor([knownEndpoint("main", { tenant: "tenant-two" })]);
    const draft = draftOf();
    await world.tickets.create(draft);
    await world.tickets.cancel(draft.about.id, "owner");
    expect([...(await all()), ...(await all("tenant-two"))]).toEqual([]);
    expect(entered).toEqual([]);
  });

  it("is still to be told after a kill, and what the dead process was sending as well, at once", async () => {
    const { world, entered, all } = await storeFor();
    const drafts = [draftOf(), draftOf()];
    for (const draft of drafts) {
      await world.tickets.create(draft);
      await world.tickets.cancel(draft.about.id, "owner");
    }
    expect(entered).toHaveLength(2);
    await world.sqlite.deliveries?.take([main], 1, 60_000);
    await world.restart();
    expect((await all()).map(({ state }) => state.status)).toEqual(["due", "due"]);
    expect(await world.sqlite.deliveries?.take([main], 5, 60_000)).toHaveLength(2);
  });

  it("is stored though it could not be entered, by a bug", async () => {
    const told: ToldEndpoints = {
      endpointsOf() {
        throw new TypeError("a bug");
      },
      maxPending: 1,
    };
    const world = await sqliteForTest(config, { webhooks: { told, onEntered: () => {} } });
    const { id } = (await kept(world.tickets, draftOf())).about;
    await world.tickets.cancel(id, "owner");
    expect((await world.tickets.load(id))?.state.status).toBe("cancelled");
    expect(world.faults).toMatchObject([{ message: "a bug" }]);
  });
});
