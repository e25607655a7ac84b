/**
 * A place in a provider's queue: what the gate knows of an unfinished ticket. The ticket itself is the truth; a place that was lost is
 * made again when its ticket next speaks to the gate.
 *
 *   (none) --admit--> waiting --dispatch--> dispatched --start--> running
 *     ^                ^  |                   |                    ^ |
 *     |                |  +-------------------|-------- start -----+ |
 *     |                +--30 s, refused-------+                      |
 *     |                +--requeue, lease over------------------------+
 *     +--remove, withdraw, from any of them
 */
import type { TenantLine } from "./fair-order.ts";

/** What of a place never changes. Each verb brings it along, so that a lost place can be made again. */
export interface QueueItem {
  readonly ticketId: string;
  /** 0 to 10, higher first. */
  readonly priority: number;
  readonly acceptedAtMs: number;
  /** UTF-8 bytes of all that is stored of the ticket. */
  readonly sizeBytes: number;
  /** See `modelKey`. */
  readonly model: string;
  /** Whose it is, as 16 hex digits of a hash; `""` where older code has made the place. */
  readonly tenant: string;
  /** Names the comparison, as in `CallFacts`; `""` likewise. */
  readonly comparison: string;
  /** What its call will cost, roughly (`tokensOf`). Absent from older code: guessed. */
  readonly tokens?: number;
}

/** One acceptance of a ticket: what was withdrawn may be accepted anew, later, under the same id. */
export type Acceptance = Pick<QueueItem, "ticketId" | "acceptedAtMs">;

export interface Place extends QueueItem {
  readonly tokens: number;
  readonly standing: PlaceState;
  /** Not started before this moment: its backoff. */
  readonly notBeforeMs: number;
  /** It was in flight when its process died: it goes first, and never two of them at once. */
  readonly suspect: boolean;
  /** When it last had the turn of a probe, or went as the first after a pause, in epoch milliseconds; 0: never. Older code has counted the turns. */
  readonly probes: number;
  /** When its ticket last spoke to the gate. */
  readonly heardAtMs: number;
}

export type PlaceState =
  | { readonly state: "waiting" }
  /** Sent to a worker. Unclaimed at `untilMs`, it waits again. */
  | { readonly state: "dispatched"; readonly untilMs: number }
  /** Called for by who has the permit. At `untilMs` it waits again. */
  | { readonly state: "running"; readonly untilMs: number; readonly permit: string };

export const dispatchMs = 30_000;
/** A place whose ticket is silent for so long is asked after. */
export const silenceMs = 300_000;
/** A request can be under way for no longer: so long it is known what was withdrawn, which may have been asked for before. */
export const withdrawnMs = 3_600_000;

/** Who starts first of one tenant's: suspects, then higher priority, then the older, then by id. Negative: `a` before `b`. */
export function byTurn(a: Place, b: Place): number {
  if (a.suspect !== b.suspect) return a.suspect ? -1 : 1;
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.acceptedAtMs !== b.acceptedAtMs) return a.acceptedAtMs - b.acceptedAtMs;
  return a.ticketId < b.ticketId ? -1 : a.ticketId > b.ticketId ? 1 : 0;
}

/**
 * Who probes first of one tenant's: whoever did so least lately, then as usual. So one ticket that breaks the provider can't keep the breaker open; nor does one
 * that has probed often in one outage wait for as many turns of others in the next.
 */
export function byProbeTurn(a: Place, b: Place): number {
  return a.probes === b.probes ? byTurn(a, b) : a.probes - b.probes;
}

/** Likewise between tenants, where neither priority nor suspicion counts. */
export function byProbeAge(a: Place, b: Place): number {
  if (a.probes !== b.probes) return a.probes - b.probes;
  if (a.acceptedAtMs !== b.acceptedAtMs) return a.acceptedAtMs - b.acceptedAtMs;
  return a.ticketId < b.ticketId ? -1 : a.ticketId > b.ticketId ? 1 : 0;
}

/** Sums over the whole table, each one a cheap query or a kept counter. */
export interface QueueLoad {
  /** All places. */
  readonly size: number;
  /** Of all places. */
  readonly bytes: number;
  readonly waiting: number;
  /** Dispatched or running. */
  readonly inFlight: number;
  /**
   * Dispatched or running suspects. Where one process works for several providers, and so dies for all of them at once, those of its other
   * providers count too.
   */
  readonly suspectsInFlight: number;
  /** `null`: there are none. */
  readonly oldestAcceptedAtMs: number | null;
}

/** Waiting places of one tenant and one model. */
export interface Group {
  readonly model: string;
  readonly tenant: string;
}

/** What is not to be sent before a moment: a model's places, or one tenant's of them. */
export interface Block {
  readonly model: string;
  /** Absent: every tenant's. */
  readonly tenant?: string;
  /** `Infinity`: until something happens. */
  readonly untilMs: number;
}

/** Which waiting places of one tenant could be sent now. */
interface ReadyQuery {
  /** Only those whose backoff is over. */
  readonly nowMs: number;
  /** None of these, whatever their time. */
  readonly blocked: readonly Block[];
  readonly tenant: string;
  /** `null`: of all models. */
  readonly model: string | null;
  /** Only suspects, or only the others. */
  readonly suspect: boolean;
  /** By `byProbeTurn` instead of `byTurn`. */
  readonly forProbe: boolean;
  readonly limit: number;
}

/**
 * What an adapter's table answers and does, one provider's places at a time. No query may need to read the whole table into memory. Every
 * verb of a gate first lapses what has lapsed, so that the table is always of the present.
 */
export interface Places {
  find(ticketId: string): Place | null;
  put(place: Place): void;
  remove(ticketId: string): void;
  load(): QueueLoad;
  /** Notes until a moment that this was withdrawn: an `admit` of it that was long under way finds that out. */
  withdrawn(acceptance: Acceptance, nowMs: number, untilMs: number): void;
  wasWithdrawn(acceptance: Acceptance, nowMs: number): boolean;
  /** Dispatched or running ones with `untilMs <= nowMs`, at most `limit`, in any order. */
  lapsed(nowMs: number, limit: number): readonly Place[];
  /** In order. */
  ready(query: ReadyQuery): readonly Place[];
  /** Groups of places that wait, only of suspects or only of others, in which one is over its backoff, in any order. With a model: only its own. */
  groups(nowMs: number, model: string | null, suspect: boolean): readonly Group[];
  /** Has this tenant any place of that model that waits and is no suspect? */
  hasWaiting(group: Group): boolean;
  /** The backoff of all that wait is over now: of one model, or of all. */
  endWaits(nowMs: number, model: string | null): void;
  /** How many waiting places of the same tenant start before this one, as `byTurn` says. */
  ownBefore(place: Place): number;
  /** Those of these tenants that have places; `null`: of all, which reads as many. In any order. */
  lines(tenants: readonly string[] | null): readonly TenantLine[];
  /** How many tenants have places. */
  lineCount(): number;
  /** Lines of tenants with places that wait, in the order of their turns (`comesBefore`), for as long as they are wanted. */
  eachLine(isWanted: (line: TenantLine) => boolean): void;
  /** How many of those come before this one's; 0: none, or none of its places waits. */
  linesBefore(tenant: string): number;
  /** Of the line of a tenant with places. @param virtualTime as it is from now on */
  putTag(tenant: string, startTag: number, sinceMs: number, virtualTime: number): void;
  /** The start tag of the ticket that was last sent in its turn; 0: none was. */
  virtualTime(): number;
  /** The earliest `untilMs` of a dispatched or running place; `null`: there is none. */
  firstLapseMs(): number | null;
  /** The earliest moment at which a waiting place is over its backoff and what blocks it; with `suspects` false, suspects are left out. */
  firstReadyMs(blocked: readonly Block[], suspects: boolean): number | null;
  /** The earliest `heardAtMs` of a waiting place; `null`: none waits. */
  firstHeardMs(): number | null;
  /** Waiting places last heard of at or before this moment, those silent for longest first. */
  silent(heardUntilMs: number, limit: number): readonly Place[];
  /** Every dispatched or running place: at most as many as there are permits. */
  inFlight(): readonly Place[];
  /** Every place, in any order: the one question that reads the whole table, asked where the clock was set back. */
  all(): readonly Place[];
}

/** What becomes of a place whose time is over. */
export function lapsedPlace(place: Place): Place {
  return { ...place, standing: { state: "waiting" } };
}

export function isBlocked(place: Group, blocked: readonly Block[]): boolean {
  return blocked.some((block) => blocks(block, place));
}

/** Until when it is blocked; 0: it isn't. */
export function blockedUntilMs(place: Group, blocked: readonly Block[]): number {
  return blocked.reduce(
    (untilMs, block) => (blocks(block, place) ? Math.max(untilMs, block.untilMs) : untilMs),
    0,
  );
}

function blocks(block: Block, place: Group): boolean {
  return block.model === place.model && (block.tenant === undefined || block.tenant === place.tenant);
}

export function isInFlight(place: Place | null): boolean {
  return place?.standing.state === "dispatched" || place?.standing.state === "running";
}
