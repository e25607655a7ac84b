/** What endpoints are to be told, in the file of a process. */
import type { DatabaseSync } from "node:sqlite";
import type { Ticket } from "../../domain/ticket/ticket.ts";
import { createDeliveryKeeper } from "../../engine/deliveries.ts";
import { eventToTell } from "../../engine/event-to-tell.ts";
import type { DeliveryStore, ToldEndpoints } from "../../gateway/delivery-store.ts";
import { sqlDeliveryTables, type Prepare } from "../../stores/sql-deliveries.ts";
import { troubleIn } from "./faults.ts";
import type { GroupCommit } from "./group-commit.ts";

export interface SqliteDeliveries extends DeliveryStore {
  /** Enters the ticket's end, where it has ended and somebody is to be told. Within the transaction that stores it. */
  enter(ticket: Ticket): void;
  /** This process is the successor of the one that has sent so far. */
  senderDied(): Promise<void>;
}

export interface SqliteDeliveriesParts {
  readonly sql: DatabaseSync;
  readonly commits: Pick<GroupCommit, "read" | "write">;
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly told: ToldEndpoints;
  /** Something was entered, and is stored in a moment. */
  readonly onEntered: () => void;
  readonly onFault: (error: unknown) => void;
}

/** To one endpoint. */
const atOnce = 10;

export function sqliteDeliveries(parts: SqliteDeliveriesParts): SqliteDeliveries {
  const { sql, commits, nowMs, random, told, onEntered, onFault } = parts;
  const keeper = createDeliveryKeeper({
    tables: sqlDeliveryTables(prepareIn(sql)),
    // Every verb is called within one.
    atomically: (work) => work(),
    nowMs,
    random,
    atOnce,
  });

  return {
    enter(ticket) {
      const event = eventToTell(ticket);
      if (event === null) return;
      try {
        const endpoints = told.endpointsOf(ticket.about);
        if (endpoints.length === 0) return;
        keeper.enter(event, endpoints, told.maxPending);
        onEntered();
      } catch (error) {
        // What the file refuses ends the transaction. A bug of ours in telling must not cost the ticket its end.
        if (troubleIn(error) !== null) throw error;
        onFault(error);
      }
    },
    senderDied: () => commits.write(() => keeper.senderDied()),
    take: (...asked) => commits.write(() => keeper.take(...asked)),
    settle: (...settled) => commits.write(() => keeper.settle(...settled)),
    tidy: (endpoints) => commits.write(() => keeper.tidy(endpoints)),
    next: async (endpoints) => commits.read(() => keeper.next(endpoints)),
    redeliver: (tenant, id) => commits.write(() => keeper.redeliver(tenant, id)),
    testedWell: (endpoint) => commits.write(() => keeper.testedWell(endpoint)),
    page: async (query) => commits.read(() => keeper.page(query)),
    health: async (endpoints) => commits.read(() => keeper.health(endpoints)),
  };
}

function prepareIn(sql: DatabaseSync): Prepare {
  return (statement) => {
    const prepared = sql.prepare(statement);
    return (...bindings) => prepared.all(...bindings);
  };
}
