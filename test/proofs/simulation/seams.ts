/** Where a deliberate bug can be planted: everything of `src` that a world runs, as values. `src` itself knows nothing of it. */
import type { ClaimParts } from "../../../src/cloudflare/claim.ts";
import { beginKeyed, endKeyed } from "../../../src/domain/idempotency.ts";
import * as moves from "../../../src/domain/ticket/moves.ts";
import { noticeOf, ticketDueMs, type Ticket, type TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { createGateFront } from "../../../src/engine/front/front.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { createKeyedSubmit } from "../../../src/gateway/idempotency.ts";
import type { RedisConnection } from "../../../src/node/redis/connection.ts";
import { openRedis } from "../../../src/node/redis/store.ts";
import { createFailover } from "../../../src/stores/failover/failover.ts";
import type { FallbackStore } from "../../../src/stores/failover/fallback-store.ts";
import type { PrimaryStore } from "../../../src/stores/failover/primary-store.ts";
import type { Ports } from "../../../src/gateway/ports.ts";
import { createGateKeeper } from "../../../src/engine/gate-keeper.ts";
import { createDeliveryKeeper } from "../../../src/engine/deliveries.ts";
import { createTicketKeeper } from "../../../src/engine/ticket-keeper.ts";
import { listFromIndex } from "../../../src/engine/index-list.ts";
import type { TicketListener } from "../../../src/engine/ticket-listeners.ts";
import { createSender } from "../../../src/push/deliver.ts";
import type { Outbox } from "../../../src/push/outbox.ts";
import type { Naive } from "./told/pusher.ts";
import * as otherClock from "../../../src/engine/other-clock.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";

export interface Seams {
  readonly createGateway: typeof createGateway;
  readonly createKeyedSubmit: typeof createKeyedSubmit;
  readonly createGateFront: typeof createGateFront;
  readonly createGateKeeper: typeof createGateKeeper;
  readonly createTicketKeeper: typeof createTicketKeeper;
  readonly memoryPlaces: typeof memoryPlaces;
  /** What a gate makes of moments by another's clock. */
  readonly otherClock: typeof otherClock;
  readonly listFromIndex: typeof listFromIndex;
  /** Whom a ticket tells of itself beside its gate. */
  readonly listeners: (listeners: readonly TicketListener[]) => readonly TicketListener[];
  readonly beginKeyed: typeof beginKeyed;
  readonly endKeyed: typeof endKeyed;
  readonly noticeOf: typeof noticeOf;
  readonly ticketDueMs: typeof ticketDueMs;
  readonly moves: typeof moves;
  readonly openRedis: typeof openRedis;
  readonly createFailover: typeof createFailover;
  /** The parts of a process that has both a shared store and one of its own. */
  readonly redis: (connection: RedisConnection) => RedisConnection;
  readonly shared: (store: PrimaryStore) => PrimaryStore;
  readonly local: (store: FallbackStore) => FallbackStore;
  /** What an instance's gateway is given of the world. */
  readonly ports: (ports: Ports) => Ports;
  /** With what an instance claims the tickets whose ids it is brought. */
  readonly claims: (parts: ClaimParts) => ClaimParts;
  /** What a store writes of a ticket. */
  readonly written: (ticket: Ticket) => Ticket;
  readonly createDeliveryKeeper: typeof createDeliveryKeeper;
  readonly createSender: typeof createSender;
  readonly outbox: (outbox: Outbox) => Outbox;
  /** What else happens within a move, and behind a settle. */
  readonly inMove: (ticket: Ticket, events: readonly TicketEvent[], naive: Naive) => void;
  readonly afterSettle: (ticket: Ticket, naive: Naive) => Promise<void>;
}

export const realParts: Seams = {
  createGateway,
  createKeyedSubmit,
  createGateFront,
  createGateKeeper,
  createTicketKeeper,
  memoryPlaces,
  otherClock,
  listFromIndex,
  listeners: (listeners) => listeners,
  beginKeyed,
  endKeyed,
  noticeOf,
  ticketDueMs,
  moves,
  openRedis,
  createFailover,
  redis: (connection) => connection,
  shared: (store) => store,
  local: (store) => store,
  ports: (ports) => ports,
  claims: (parts) => parts,
  written: (ticket) => ticket,
  createDeliveryKeeper,
  createSender,
  outbox: (outbox) => outbox,
  inMove: () => {},
  afterSettle: () => Promise.resolve(),
};
