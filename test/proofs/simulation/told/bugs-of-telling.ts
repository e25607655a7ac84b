/** Deliberate bugs in who is told, of what, and when. */
import { endsBy } from "../../../../src/domain/ticket/ticket-end.ts";
import type { Endpoint } from "../../../../src/domain/push/endpoint.ts";
import type { DeliveryTables } from "../../../../src/engine/deliveries.ts";
import type { DeliveryStore } from "../../../../src/gateway/delivery-store.ts";
import type { Outbox } from "../../../../src/push/outbox.ts";
import type { Bug } from "../bug.ts";
import { realParts, type Seams } from "../seams.ts";

export const tellingBugs: readonly Bug[] = [
  withSeams("an end is told before it is stored", {
    inMove: (ticket, events, { now }) => void (endsBy({ ticket, events }) && now(ticket)),
  }),
  withSeams("an end is told within the transaction, which then comes to nothing", {
    inMove: (ticket, events, { soon }) => void (endsBy({ ticket, events }) && void soon(ticket)),
  }),
  withSeams("a settle waits until receivers were told", {
    afterSettle: async (ticket, { soon }) => await soon(ticket),
  }),
  withDeliveries("an attempt has an event id of its own", ({ take }) => ({
    take: async (...asked) =>
      (await take(...asked)).map(({ delivery, lease }) => ({
        delivery: { ...delivery, eventId: `${delivery.eventId}${lease > 1 ? `_${lease}` : ""}` },
        lease,
      })),
  })),
  withDeliveries("a delivery is taken for delivered before it is sent", ({ take, settle }) => ({
    async take(...asked) {
      const taken = await take(...asked);
      for (const { delivery, lease } of taken)
        await settle(delivery.id, lease, { kind: "status", status: 200, retryAfterMs: null });
      return taken;
    },
  })),
  withDeliveries("an attempt that nobody has answered is taken for delivered", ({ settle }) => ({
    settle: (id, lease, end) =>
      settle(id, lease, end.kind === "timeout" ? { kind: "status", status: 200, retryAfterMs: null } : end),
  })),
  withTables("a success does not end an endpoint's failures", (tables) => ({
    putEndpoint(after) {
      tables.putEndpoint(stillInTrouble(tables.endpoint(after), after));
    },
  })),
  withTables("what a dead process had taken is never given back", () => ({
    lapsed: () => [],
    firstLapseMs: () => null,
  })),
  withTables("an endpoint that is there again is not noticed", () => ({ dueLater: () => [] })),
  withOutbox("what the bus is sent leaves the outbox before", ({ take, sent }) => ({
    async take(most) {
      const taken = await take(most);
      if (taken !== null) await sent(taken.entries);
      return taken;
    },
  })),
  withOutbox("the latest goes to the bus first", ({ take }) => ({
    async take(most) {
      const taken = await take(most);
      return taken && { ...taken, entries: taken.entries.toReversed() };
    },
  })),
];

function stillInTrouble(before: Endpoint | null, after: Endpoint): Endpoint {
  return after.trouble === null && before !== null ? { ...after, trouble: before.trouble } : after;
}

function withSeams(name: string, spoilt: Partial<Seams>): Bug {
  return { name, plant: () => ({ ...realParts, ...spoilt }) };
}

function withDeliveries(name: string, spoil: (store: DeliveryStore) => Partial<DeliveryStore>): Bug {
  return withSeams(name, {
    createSender: (parts) =>
      realParts.createSender({ ...parts, deliveries: { ...parts.deliveries, ...spoil(parts.deliveries) } }),
  });
}

function withTables(name: string, spoil: (tables: DeliveryTables) => Partial<DeliveryTables>): Bug {
  return withSeams(name, {
    createDeliveryKeeper: (parts) =>
      realParts.createDeliveryKeeper({ ...parts, tables: { ...parts.tables, ...spoil(parts.tables) } }),
  });
}

function withOutbox(name: string, spoil: (outbox: Outbox) => Partial<Outbox>): Bug {
  return withSeams(name, { outbox: (outbox) => ({ ...outbox, ...spoil(outbox) }) });
}
