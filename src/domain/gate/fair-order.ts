/**
 * Whose turn it is between tenants: start-time fair queueing over estimated tokens (P. Goyal, H. Vin, H. Cheng: "Start-time Fair Queuing",
 * SIGCOMM 1996). Every tenant with places has a line, and every line a start tag in virtual time. The line with the smallest one gives its
 * first ticket; then virtual time is that tag, and the line's tag moves on by what the ticket costs, divided by the tenant's weight.
 *
 * A line that had nothing to send for a while has no claim on what it left to others: its tag counts as virtual time where it lies behind.
 * So the tags of lines that have something to send lie within the cost of one ticket of each other, and a store that loses them does no harm.
 */
import { weightOf, type Weights } from "../shares.ts";
import type { Holders, Load } from "./admission.ts";
import type { Place, Places } from "./places.ts";

/** What a tenant has at one provider; only of tenants with places. */
export interface TenantLine extends Load {
  readonly tenant: string;
  /** Of all its places: see `Seat`. */
  readonly tokens: number;
  /** Places that wait. */
  readonly waiting: number;
  /** In virtual time; 0: it has sent nothing yet. */
  readonly startTag: number;
  /** When it last sent a ticket; before that, when its oldest ticket was accepted. Of equal tags the one goes first that waits for longer. */
  readonly sinceMs: number;
}

/** What a ticket's call takes of a provider, roughly: a token is four bytes of text, and a judgement is far shorter than it may be. */
export function tokensOf(sizeBytes: number, maxTokens: number): number {
  return Math.ceil(sizeBytes / 4 + maxTokens / 4);
}

/** Of tickets that older code made room for: as if with the default of `LLM_DEFAULT_MAX_TOKENS`. */
export const defaultMaxTokens = 4_096;

/**
 * A line after a place has come to it (1) or gone from it (-1). At its last one's end it is gone: so where a place changes, the new one comes first.
 *
 * @param line absent: the tenant has no places
 */
export function lineAfter(line: TenantLine | undefined, place: Place, times: 1 | -1): TenantLine {
  const { tenant, acceptedAtMs, sizeBytes, tokens, standing } = place;
  const was = line === undefined || line.size === 0 ? newLine(tenant, acceptedAtMs) : line;
  return {
    ...was,
    size: was.size + times,
    bytes: was.bytes + times * sizeBytes,
    tokens: was.tokens + times * tokens,
    waiting: was.waiting + (standing.state === "waiting" ? times : 0),
    sinceMs: was.startTag > 0 ? was.sinceMs : Math.min(was.sinceMs, acceptedAtMs),
  };
}

export function newLine(tenant: string, sinceMs: number): TenantLine {
  return { tenant, size: 0, bytes: 0, tokens: 0, waiting: 0, startTag: 0, sinceMs };
}

/** Between two lines that have something to send: does this one go first? */
export function comesBefore(a: TenantLine, b: TenantLine, virtualTime: number): boolean {
  const tagA = startOf(a, virtualTime);
  const tagB = startOf(b, virtualTime);
  if (tagA !== tagB) return tagA < tagB;
  if (a.sinceMs !== b.sinceMs) return a.sinceMs < b.sinceMs;
  return a.tenant < b.tenant;
}

function startOf({ startTag }: TenantLine, virtualTime: number): number {
  return Math.max(startTag, virtualTime);
}

/**
 * A ticket is sent.
 *
 * @param isInTurn the line was the first of all; out of turn, as a probe or to ask for its model, it pays as well, but virtual time stays
 */
export function charge(
  places: Places,
  place: Place,
  isInTurn: boolean,
  weights: Weights | undefined,
  nowMs: number,
): void {
  const { tenant, tokens } = place;
  const [line] = places.lines([tenant]);
  const virtualTime = places.virtualTime();
  if (line === undefined) return;
  const start = startOf(line, virtualTime);
  const startTag = start + Math.ceil(tokens / weightOf(weights, tenant));
  places.putTag(tenant, startTag, nowMs, isInTurn ? start : virtualTime);
}

/**
 * How many tickets will probably be judged before this one begins, if nothing holds any of them up: those that are sent already, its own that
 * go before it, and of each other line as many as its tag, and what its tickets cost on average, let go first.
 */
export function ticketsBefore(places: Places, place: Place, weights: Weights | undefined): number {
  // Whoever is sent already is as good as begun.
  if (place.standing.state !== "waiting") return 0;
  const sent = places.inFlight().filter(({ standing }) => standing.state === "dispatched").length;
  const own = places.ownBefore(place);
  const [line] = places.lines([place.tenant]);
  return line === undefined ? sent + own : sent + own + othersBefore(places, line, own, weights);
}

/** So many lines are looked at for an estimate; what those that follow let go first is taken to be as much, on average. */
const mostLooked = 32;

/** Tickets of others that go before a ticket, which has so many of its own line before it. */
function othersBefore(places: Places, line: TenantLine, own: number, weights: Weights | undefined): number {
  const virtualTime = places.virtualTime();
  const start = startOf(line, virtualTime) + own * meanCost(line, weights);
  let looked = 0;
  let waiting = 0;
  let others = 0;
  places.eachLine((other) => {
    // Where it has none of its own before it, whoever stands behind its line goes after it.
    if (other.tenant === line.tenant) return own > 0;
    const lead = (start - startOf(other, virtualTime)) / meanCost(other, weights);
    if (lead < 0) return false;
    // Of equal tags the line goes first that has waited for longer, and each has just sent one when its next comes up.
    const isOlder = own > 0 || lead === 0;
    others += Math.min(other.waiting, isOlder ? Math.floor(lead) + 1 : Math.ceil(lead));
    waiting += other.waiting;
    looked++;
    return looked < mostLooked;
  });
  if (looked < mostLooked) return others;
  const more = (own > 0 ? places.lineCount() - 1 : places.linesBefore(line.tenant)) - looked;
  const waitBeyond = places.load().waiting - waiting - line.waiting;
  return others + Math.min(waitBeyond, Math.round((more * others) / looked));
}

function meanCost({ tenant, tokens, size }: TenantLine, weights: Weights | undefined): number {
  return Math.max(1, tokens / size) / weightOf(weights, tenant);
}

/** Who hold places, for a tenant that asks for one more. */
export function holdersWith(places: Places, tenant: string, weights: Weights | undefined): Holders {
  const [own] = places.lines([tenant]);
  const weight = weightOf(weights, tenant);
  let sum = places.lineCount() + (own === undefined ? weight : 0);
  // Those whose weight is not 1 are few, and named.
  for (const { tenant: holder } of places.lines(Object.keys(weights ?? {})))
    sum += weightOf(weights, holder) - 1;
  return { own: own ?? { size: 0, bytes: 0 }, weight, weights: sum };
}
