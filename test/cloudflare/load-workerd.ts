/** The fixture of Workers, inside workerd: each object is filled before its code first sees what is stored. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { StoredObject } from "../migration/fixture.ts";
import { loadRows } from "../migration/load-rows.ts";
import { movedObject, type Move } from "../migration/moments.ts";

/** As bound in wrangler.toml, which no release renames. */
const bindings: Readonly<Record<string, string>> = {
  ProviderGate: "GATES",
  TicketObject: "TICKET_OBJECTS",
  KeyObject: "KEY_OBJECTS",
  TotalsObject: "TOTALS_OBJECTS",
  TenantIndex: "TENANT_INDEXES",
  MetricsObject: "METRICS_OBJECTS",
  OperatorObject: "OPERATOR_OBJECTS",
};

/** Alarms of the past ring when all is loaded: a gate would forget a ticket that isn't there yet. */
const quietMs = 3_000;

export async function loadObjects(env: object, objects: readonly StoredObject[], move: Move): Promise<void> {
  const notBeforeMs = Date.now() + quietMs;
  for (const object of objects) await load(env, movedObject(object, move), notBeforeMs);
}

async function load(env: object, object: StoredObject, notBeforeMs: number): Promise<void> {
  const space = (env as Readonly<Record<string, DurableObjectNamespace>>)[bindings[object.class] ?? ""];
  if (space === undefined) throw new Error(`There is no binding for ${object.class}`);
  const stub = space.get(space.idFromName(object.name));
  await runInDurableObject(stub, async (_, { storage }) => {
    await storage.deleteAll();
    loadRows(object, (statement, values) => void storage.sql.exec(statement, ...values));
    if (object.alarmMs !== null) await storage.setAlarm(Math.max(object.alarmMs, notBeforeMs));
  });
  await evictDurableObject(stub);
}
