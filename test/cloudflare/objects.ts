/** Our Durable Objects under a clock that a test sets, with eyes on what they store and send. Real alarms never fire: virtual time is far ahead. */
import { env as given } from "cloudflare:workers";
import {
  evictDurableObject,
  listDurableObjectIds,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { vi } from "vitest";
import { clock } from "../../src/cloudflare/clock.ts";
import type { Environment } from "../../src/cloudflare/environment.ts";
import { remoteTickets } from "../../src/cloudflare/stubs/tickets.ts";
import type { StartingGate } from "../../src/engine/claims.ts";
import type { RemoteGate } from "../../src/engine/front/front.ts";
import type { Gate } from "../../src/gateway/ports.ts";

export const env = given as unknown as Environment;

/** The store of tickets, without a front. */
export const ticketsOf = (where: Environment = env) =>
  remoteTickets(where, () => ({ admit: async (_tenant, create) => (await create()).created }));

const startMs = Date.UTC(2100, 0, 1);
/** But that of metrics: it has no alarm, and waits for its timer of half a minute before it lets itself be evicted. */
const namespaces = () => [
  env.GATES,
  env.TICKET_OBJECTS,
  env.KEY_OBJECTS,
  env.TOTALS_OBJECTS,
  env.TENANT_INDEXES,
  env.OPERATOR_OBJECTS,
];

/**
 * Tickets of the worlds before: they are empty, and no id of a ticket is given twice. The platform lists them for ever, so each test would be
 * slower than the one before it.
 */
const pastTickets = new Set<string>();

/** An empty world, in which Queues takes what it is given and delivers nothing. */
export async function freshWorld() {
  // It empties objects that are in memory, and leaves them there.
  await Promise.all((await stubs()).map((stub) => runInDurableObject(stub, () => {})));
  await reset();
  await evictAll();
  for (const id of await listDurableObjectIds(env.TICKET_OBJECTS)) pastTickets.add(id.toString());
  let nowMs = startMs;
  clock.nowMs = () => nowMs;
  let messages: string[] = [];
  const sendBatch = vi
    .spyOn(env.TICKETS, "sendBatch")
    .mockImplementation((batch: Iterable<MessageSendRequest<string>>) => {
      messages.push(...[...batch].map(({ body }) => body));
      return Promise.resolve({} as QueueSendBatchResponse);
    });

  /** Moves time on. Alarms run at their own time, in order, and what they begin is done before the next. */
  async function advance(ms: number): Promise<void> {
    const untilMs = nowMs + ms;
    await settled();
    const all = await stubs();
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      const next = await nextAlarm(all);
      if (next === null || next.atMs > untilMs) break;
      nowMs = Math.max(nowMs, next.atMs);
      await runDurableObjectAlarm(next.stub);
    }
    nowMs = untilMs;
  }

  return {
    advance,
    nowMs: () => nowMs,
    /** Moves time on, and nothing else. */
    tick(ms: number): void {
      nowMs += ms;
    },
    sendBatch,
    /** Messages since this was last asked. */
    async sent(): Promise<readonly string[]> {
      await settled();
      const taken = messages;
      messages = [];
      return taken;
    },
  };
}

async function nextAlarm(
  all: readonly DurableObjectStub[],
): Promise<{ stub: DurableObjectStub; atMs: number } | null> {
  const alarms = await Promise.all(all.map(async (stub) => ({ stub, atMs: await alarmOf(stub) })));
  const set = alarms.flatMap(({ stub, atMs }) => (atMs === null ? [] : [{ stub, atMs }]));
  return set.toSorted((a, b) => a.atMs - b.atMs)[0] ?? null;
}

export function alarmOf(stub: DurableObjectStub): Promise<number | null> {
  return runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
}

async function stubs(): Promise<readonly DurableObjectStub[]> {
  const found = await Promise.all(
    namespaces().map(async (space) => {
      const ids = await listDurableObjectIds(space);
      return ids.filter((id) => !pastTickets.has(id.toString())).map((id) => space.get(id));
    }),
  );
  return found.flat();
}

/** Every object loses its memory. */
export async function evictAll(): Promise<void> {
  await settled();
  await Promise.all((await stubs()).map((stub) => evictDurableObject(stub).catch(() => {})));
}

export function asIs<Verbs extends object>(verbs: Verbs): Verbs {
  return verbs;
}

/** The same verbs, with every object evicted before each. */
export function withEvictions<Verbs extends object>(verbs: Verbs): Verbs {
  return new Proxy(verbs, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function") return verb;
      return async (...args: unknown[]) => {
        await evictAll();
        return Reflect.apply(verb, target, args) as unknown;
      };
    },
  });
}

/** A gate without its front: every call asks, every outcome is told at once. */
export function directly(remote: RemoteGate & StartingGate): Gate & StartingGate {
  return {
    ...remote,
    enter: async (permit, whose) => (await remote.enter(permit, whose)).admission,
    report: async (callReport) => (await remote.exchange(crypto.randomUUID(), [callReport])).others ?? null,
  };
}

/** All rows of all tables of one object, by table. */
export function storedIn(stub: DurableObjectStub): Promise<Record<string, unknown[]>> {
  return runInDurableObject(stub, (_, { storage: { sql } }) => {
    const tables = sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    return Object.fromEntries(tables.map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]));
  });
}

/** Is this text anywhere in what any object stores? */
export async function isStored(text: string): Promise<boolean> {
  const rows = await Promise.all((await stubs()).map(storedIn));
  return JSON.stringify(rows).includes(text);
}

/** After what has begun without time passing. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
