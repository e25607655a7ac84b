/**
 * Keyed requests: an `Idempotency-Key` buys a record that is stored before anything else, so that the same key again is the same request; but
 * for one whose ticket was cancelled. A request without a key pays nothing of that.
 */
import type { Begun, KeyedEnd } from "../domain/idempotency.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { Ticket } from "../domain/ticket/ticket.ts";
import type { Gateway } from "./gateway.ts";
import { StoreAway, type Ports } from "./ports.ts";
import type { Asked } from "./resolve.ts";
import type { Caller, WhyNot, Submitted } from "./submission.ts";

/** One request under a key. */
export interface KeyedRequest {
  /** Names tenant and key: hex digits of a hash over both. */
  readonly name: string;
  /** Of the validated comparison, without its correlation id; a version goes before the hash. */
  readonly requestSha256: string;
  /** As records of version 1 have it, which are kept for as long as any other. */
  readonly sha256OfVersion1?: () => Promise<string>;
}

export type KeyedAnswer =
  | Exclude<Submitted, { kind: "judged" }>
  /** A ticket that was kept under the key before. */
  | { readonly kind: "kept_before"; readonly ticket: Ticket }
  /** The body of the 200: the same at every repetition. `isReplayed`: it was given under the key before. */
  | { readonly kind: "answered"; readonly body: string; readonly isReplayed: boolean };

export type KeyedRefusal =
  | WhyNot
  | { readonly kind: "key_busy"; readonly untilMs: number }
  | { readonly kind: "key_mismatch" }
  /** Its ticket is forgotten already, and the key is not a day old. */
  | { readonly kind: "key_spent" };

export interface KeyedPolicy {
  /** Longer than a live request can take, its storing included. */
  readonly leaseMs: number;
  /** How long a ticket stays readable after it has ended. */
  readonly retentionMs: number;
}

/** What a keyed request is made of: the stores, the flow behind them, and how long things last. */
interface Keyed {
  readonly ports: Pick<Ports, "keys" | "tickets" | "newId">;
  readonly submit: Gateway["submit"];
  readonly policy: KeyedPolicy;
}

/** What is asked under the key, and what writes the body of a 200. */
interface Asking {
  readonly asked: Asked;
  readonly caller: Caller;
  readonly bodyOf: (judged: Extract<Submitted, { kind: "judged" }>) => string;
}

export function createKeyedSubmit(ports: Keyed["ports"], submit: Gateway["submit"], policy: KeyedPolicy) {
  const keyed: Keyed = { ports, submit, policy };
  return (request: KeyedRequest, asked: Asked, caller: Caller, bodyOf: Asking["bodyOf"]) =>
    submitKeyed(keyed, request, { asked, caller, bodyOf });
}

async function submitKeyed(
  keyed: Keyed,
  request: KeyedRequest,
  asking: Asking,
): Promise<Result<KeyedAnswer, KeyedRefusal>> {
  try {
    return await answerTo(keyed, request, asking, await begin(keyed, request));
  } catch (error) {
    if (error instanceof StoreAway) return err({ kind: "store_away" });
    throw error;
  }
}

/** @param begun what the key's record said */
async function answerTo(
  keyed: Keyed,
  request: KeyedRequest,
  asking: Asking,
  begun: Begun,
): Promise<Result<KeyedAnswer, KeyedRefusal>> {
  const { keys, tickets } = keyed.ports;
  /** The key is free again: its ticket is forgotten, or was cancelled. */
  async function anew(fence: number) {
    await keys.end(request.name, fence, { kind: "freed" });
    return submitKeyed(keyed, request, asking);
  }
  switch (begun.kind) {
    case "busy":
      return err({ kind: "key_busy", untilMs: begun.untilMs });
    case "mismatch":
      if (begun.ticket === undefined || !(await isCancelled(keyed, begun.ticket.queueId)))
        return err({ kind: "key_mismatch" });
      return await anew(begun.ticket.fence);
    case "answered":
      return ok({ ...begun, isReplayed: true });
    case "ticketed": {
      const ticket = await tickets.load(begun.queueId);
      if (ticket?.state.status === "cancelled") return await anew(begun.fence);
      if (ticket) return ok({ kind: "kept_before", ticket });
      return begun.mayEnd ? await anew(begun.fence) : err({ kind: "key_spent" });
    }
    case "begun":
      if (begun.again && (await isCancelled(keyed, begun.queueId))) return await anew(begun.fence);
      return await goOn(keyed, request, begun, asking);
  }
}

async function isCancelled({ ports }: Keyed, queueId: string): Promise<boolean> {
  return (await ports.tickets.load(queueId))?.state.status === "cancelled";
}

/** A record that differs may be of version 1: then the request is compared as version 1 did. */
async function begin(
  { ports: { keys, newId }, policy }: Keyed,
  { name, requestSha256, sha256OfVersion1 }: KeyedRequest,
): Promise<Begun> {
  const begun = await keys.begin(name, requestSha256, newId(), policy.leaseMs);
  if (begun.kind !== "mismatch" || sha256OfVersion1 === undefined) return begun;
  return keys.begin(name, await sha256OfVersion1(), newId(), policy.leaseMs);
}

async function goOn(
  keyed: Keyed,
  request: KeyedRequest,
  { queueId, fence, again }: Extract<Begun, { kind: "begun" }>,
  asking: Asking,
): Promise<Result<KeyedAnswer, KeyedRefusal>> {
  const { ports, submit, policy } = keyed;
  const { keys, tickets } = ports;
  const { name } = request;
  const { asked, caller, bodyOf } = asking;
  const note = (end: KeyedEnd) => noteIfPossible(keys, name, fence, end);
  // Whoever had the key before may have died after it had kept the ticket.
  const orphan = again ? await tickets.load(queueId) : null;
  if (orphan) {
    await note({ kind: "ticketed", forgetAtMs: lastMoment(orphan, policy) });
    return ok({ kind: "kept_before", ticket: orphan });
  }
  let submitted: Awaited<ReturnType<Gateway["submit"]>>;
  try {
    // A client that hangs up will ask again: its call goes on.
    submitted = await submit(asked, { ...caller, queueId, onHangUp: null });
  } catch (error) {
    await note({ kind: "freed" });
    throw error;
  }
  if (!submitted.ok) {
    // An outcome that is unknown may have left a ticket: then the key stays with that ticket until its lease ends.
    if (submitted.error.kind === "store_away") return submitted;
    const isOurs = await note({ kind: "freed" });
    // Another has the key since our lease ended, and may have succeeded.
    return isOurs ? submitted : err({ kind: "key_busy", untilMs: 0 });
  }
  if (submitted.value.kind === "kept") {
    const isOurs = await note({ kind: "ticketed", forgetAtMs: lastMoment(submitted.value.ticket, policy) });
    return isOurs ? ok(submitted.value) : await overtaken(keyed, request, queueId, asking);
  }
  // Whoever had the key before may have stood still, and have kept the ticket only now.
  if (again) await cancelIfPossible(keyed, queueId);
  const body = bodyOf(submitted.value);
  // Not given before it is stored, nor after the lease went to another: the same key must never bring two.
  const store = () => keys.end(name, fence, { kind: "answered", body });
  // Said twice it is the same, and a judgement that was paid for is worth a second try.
  const isStored = await store().catch((error: unknown) => {
    if (error instanceof StoreAway) return store();
    throw error;
  });
  return isStored ? ok({ kind: "answered", body, isReplayed: false }) : err({ kind: "key_busy", untilMs: 0 });
}

/**
 * Another has had the key since this request's lease ended: what the key has come to is the answer. The ticket that was kept too late is ended,
 * but where it is the key's all the same, or may become so.
 */
async function overtaken(
  keyed: Keyed,
  request: KeyedRequest,
  queueId: string,
  asking: Asking,
): Promise<Result<KeyedAnswer, KeyedRefusal>> {
  const begun = await begin(keyed, request);
  const mayBeTheKeys = begun.kind === "busy" || ("queueId" in begun && begun.queueId === queueId);
  if (!mayBeTheKeys) await cancelIfPossible(keyed, queueId);
  return answerTo(keyed, request, asking, begun);
}

/** Where its store does not answer, the ticket is judged for nobody. */
async function cancelIfPossible({ ports }: Keyed, queueId: string): Promise<void> {
  try {
    await ports.tickets.cancel(queueId, "owner");
  } catch (error) {
    if (!(error instanceof StoreAway)) throw error;
  }
}

/**
 * What is known already is answered all the same: once the lease is over, the record leads to the ticket by its id, or to nothing.
 *
 * @returns false: another has the key now
 */
async function noteIfPossible(
  keys: Ports["keys"],
  name: string,
  fence: number,
  end: KeyedEnd,
): Promise<boolean> {
  try {
    return await keys.end(name, fence, end);
  } catch (error) {
    if (error instanceof StoreAway) return true;
    throw error;
  }
}

/** A ticket expires at the latest one lease after its time; then it is readable for the retention. */
function lastMoment({ about }: Ticket, { leaseMs, retentionMs }: KeyedPolicy): number {
  return about.expiresAtMs + leaseMs + retentionMs;
}
