/** Deliberate bugs of processes that share a store and have one of their own: in who owns a ticket, and in what is told to whom. */
import { StoreAway } from "../../../../src/gateway/ports.ts";
import type { RedisConnection } from "../../../../src/node/redis/connection.ts";
import type { FallbackMoves, FallbackStore } from "../../../../src/stores/failover/fallback-store.ts";
import { markedAtMs } from "../../../../src/stores/failover/marked-id.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import {
  NotDone,
  type PrimaryStore,
  type PrimaryTickets,
} from "../../../../src/stores/failover/primary-store.ts";
import { withTickets, type Bug } from "../bug.ts";
import { realParts, type Seams } from "../seams.ts";

export const storeBugs: readonly Bug[] = [
  withMoves("a ticket is worked on while it moves", ({ mark, stay }) => ({
    async mark(limit) {
      const movable = await mark(limit);
      await stay(movable.map(({ ticket }) => ticket.about.id));
      return movable;
    },
  })),
  withMoves("a ticket is deleted here before the shared store has it", ({ mark, moved }) => ({
    async mark(limit) {
      const movable = await mark(limit);
      await moved(movable.map(({ ticket }) => ticket.about.id));
      return movable;
    },
  })),
  withLocal("a start forgets which tickets were moving", ({ start, moves }) => ({
    start(work) {
      start(work);
      void moves.mark(1_000).then((movable) => moves.stay(movable.map(({ ticket }) => ticket.about.id)));
    },
  })),
  withMoves("what is kept here has an id like any other", ({ keep }) => ({
    keep: (draft, doubtfulId) =>
      keep({ ...draft, about: { ...draft.about, id: unmarked(draft.about.id) } }, doubtfulId),
  })),
  withMoves("what the shared store may hold is not noted", ({ keep }) => ({
    keep: (draft) => keep(draft, null),
  })),
  withTickets("a marked id that can't be found is unknown", ({ load }) => ({
    load: (id) =>
      load(id).catch((error: unknown) => {
        if (error instanceof StoreAway && markedAtMs(id) !== null) return null;
        throw error;
      }),
  })),
  withRedis("a ticket that moves takes the place of what is there", ({ run, command }) => ({
    async run(call, texts, needsRoom) {
      for (const { verb, always, item } of callsIn(call)) {
        if (verb !== "create" || always !== true) continue;
        const { ticketId } = item ?? {};
        await command("DEL", `${root}queue:requests:${ticketId}`, `${root}queue:events:${ticketId}`);
      }
      return await run(call, texts, needsRoom);
    },
  })),
  withRedis("a ticket that moves is told once more where it arrives", ({ run, command }) => ({
    async run(call, texts, needsRoom) {
      const reply = await run(call, texts, needsRoom);
      for (const { verb, always, ends, owner, item } of callsIn(call)) {
        if (verb !== "create" || always !== true || ends !== true) continue;
        const number = await command("HINCRBY", `${root}queue:feeds`, owner ?? "", "1");
        await command("ZADD", `${root}queue:feed:${owner}`, String(number), item?.ticketId ?? "");
      }
      return reply;
    },
  })),
  withRedis("a ticket that moves enters the feed where it would have stood", ({ run, command }) => ({
    async run(call, texts, needsRoom) {
      const reply = await run(call, texts, needsRoom);
      for (const { verb, always, ends, owner, item } of callsIn(call)) {
        if (verb !== "create" || always !== true || ends !== true) continue;
        await command("ZADD", `${root}queue:feed:${owner}`, "0.5", item?.ticketId ?? "");
      }
      return reply;
    },
  })),
  withRedis("an end is told again with each change that comes behind it", ({ run }) => ({
    run(call, texts, needsRoom) {
      const whole = JSON.parse(call) as object;
      const calls = callsIn(call).map((one) =>
        one.verb === "change" && typeof one.facts?.forgetAtMs === "number" ? { ...one, ends: true } : one,
      );
      return run(JSON.stringify("calls" in whole ? { ...whole, calls } : whole), texts, needsRoom);
    },
  })),
  withRedis("a ticket that moves enters no feed", ({ run }) => ({
    run(call, texts, needsRoom) {
      const whole = JSON.parse(call) as object;
      const calls = callsIn(call).map((one) => (one.always === true ? { ...one, ends: false } : one));
      return run(JSON.stringify("calls" in whole ? { ...whole, calls } : whole), texts, needsRoom);
    },
  })),
  withRedis("what a call claimed whose answer was lost is not asked for", ({ run }) => ({
    run(call, texts, needsRoom) {
      const calls = callsIn(call).map((one) => (one.verb === "take" ? { ...one, lost: [] } : one));
      return run(JSON.stringify({ ...(JSON.parse(call) as object), calls }), texts, needsRoom);
    },
  })),
  withSharedTickets("a move that nobody has answered is taken for refused", ({ adopt }) => ({
    adopt: (ticket, events) =>
      adopt(ticket, events).catch((error: unknown) => {
        throw error instanceof NotDone ? error : new NotDone("refused", "no answer");
      }),
  })),
  withSharedTickets("a ticket moves without its history", ({ adopt }) => ({
    adopt: (ticket) => adopt(ticket, []),
  })),
  withSharedTickets("a spooled outcome's token is not looked at", ({ load, settleAsOf }) => ({
    async settleAsOf(id, fence, outcome, atMs) {
      const ticket = await load(id);
      return await settleAsOf(
        id,
        ticket?.progress.fence ?? fence,
        outcome,
        Math.max(atMs, Date.UTC(2100, 0)),
      );
    },
  })),
  withLocal("an outcome that can't be told is forgotten", ({ notes }) => ({
    notes: { ...notes, spool: () => Promise.resolve() },
  })),
  {
    name: "the outcome of a claim made here is told to the shared store",
    plant() {
      let settle: PrimaryTickets["settle"] | null = null;
      return {
        ...realParts,
        shared(store) {
          settle = store.tickets.settle;
          return store;
        },
        local(store) {
          const there = settle ?? store.tickets.settle;
          return { ...store, tickets: { ...store.tickets, settle: there } };
        },
      };
    },
  },
];

/** Those about a gate that go together; none in a call of another kind. */
function callsIn(call: string): readonly Asked[] {
  return (JSON.parse(call) as { readonly calls?: readonly Asked[] }).calls ?? [];
}

interface Asked {
  readonly verb: string;
  readonly always?: boolean;
  /** It has ended by this. */
  readonly ends?: boolean;
  readonly owner?: string;
  readonly facts?: { readonly forgetAtMs?: number | null };
  readonly item?: { readonly ticketId: string };
}

function withMoves(name: string, spoil: (moves: FallbackMoves) => Partial<FallbackMoves>): Bug {
  return withLocal(name, ({ moves }) => ({ moves: { ...moves, ...spoil(moves) } }));
}

function withLocal(name: string, spoil: (store: FallbackStore) => Partial<FallbackStore>): Bug {
  return withStores(name, { local: (store) => ({ ...store, ...spoil(store) }) });
}

function withSharedTickets(name: string, spoil: (tickets: PrimaryTickets) => Partial<PrimaryTickets>): Bug {
  const shared = (store: PrimaryStore) => ({
    ...store,
    tickets: { ...store.tickets, ...spoil(store.tickets) },
  });
  return withStores(name, { shared });
}

function withRedis(name: string, spoil: (connection: RedisConnection) => Partial<RedisConnection>): Bug {
  return withStores(name, { redis: (connection) => ({ ...connection, ...spoil(connection) }) });
}

function withStores(name: string, spoilt: Partial<Seams>): Bug {
  return { name, plant: () => ({ ...realParts, ...spoilt }) };
}

function unmarked(id: string): string {
  return `${id.slice(0, 14)}4${id.slice(15)}`;
}
