/** Looks at every answer that leaves the service, as a client that distrusts it would. */
import type { Failure } from "../../../src/domain/failure.ts";
import type { Result } from "../../../src/domain/result.ts";
import type { Ticket, TicketCopy } from "../../../src/domain/ticket/ticket.ts";
import type { LiveJudgement, WhyNot, Submitted } from "../../../src/gateway/submission.ts";
import type { KeyedAnswer, KeyedRefusal } from "../../../src/gateway/idempotency.ts";
import type { Request } from "./clients.ts";
import { longestPauseMs } from "./life.ts";
import { asServed } from "./meanings.ts";
import type { Walk } from "./walk.ts";
import type { Calls } from "./watch-calls.ts";
import type { SeenTickets } from "./watch-tickets.ts";
import { shortOf, type World } from "./world.ts";

export interface AnswerWatch {
  /** A request was sent. @returns `end` is called when it is answered, or its instance dies */
  asked(request: Request, walk: Walk): { end(): void };
  answered(request: Request, walk: Walk, answer: Result<Submitted, WhyNot>): void;
  /** A keyed request has its judgement: the body is made of it. */
  judged(request: Request, walk: Walk, judged: LiveJudgement): void;
  answeredKeyed(request: Request, walk: Walk, name: string, answer: Result<KeyedAnswer, KeyedRefusal>): void;
  found(id: string, isStranger: boolean, ticket: Ticket | TicketCopy | null): void;
  cancelled(id: string, isStranger: boolean, ticket: Ticket | null): void;
}

/** Where a store stumbles, an answer may take as long as its verbs may. */
const storeMs = 40_000;
/** What a key's lease is longer than a request may be. */
const keyMarginMs = 15_000;

export function watchAnswers(world: World, calls: Calls, tickets: SeenTickets): AnswerWatch {
  const { scheduler, plan } = world;
  /** What a key has led to, and for which comparison. */
  const keys = new Map<string, { readonly asked: string; readonly success: string }>();

  /** A judgement is handed out: once, to the one for whom the call was made. */
  function fresh(
    owner: string,
    provider: string,
    judgement: { readonly winner: string; readonly justification: string; readonly confidence: number },
    isTheirs: (walk: Walk) => boolean,
  ): void {
    const call = calls.whose(provider, judgement.justification);
    if (!call?.verdict) return world.violate("3 true", `a verdict that no judge has given`, owner);
    if (!isTheirs(call.walk))
      world.violate("10 fresh", `the judgement of ${call.walk.name} is handed out`, owner);
    if (call.owner !== null && call.owner !== owner)
      world.violate("10 fresh", `a judgement that ${call.owner} has already`, owner);
    call.owner = owner;
    const { winner, confidence } = call.verdict;
    if (judgement.winner !== winner || judgement.confidence !== confidence)
      world.violate(
        "3 true",
        `${judgement.winner} ${judgement.confidence}, said ${winner} ${confidence}`,
        owner,
      );
  }

  /** @param success of a key */
  function isCancelled(success: string): boolean {
    const [what, id = ""] = success.split(" ");
    return what === "ticket" && tickets.known(id)?.status === "cancelled";
  }

  function kept(request: Request, ticket: Ticket): void {
    const { id } = ticket.about;
    const known = tickets.known(id);
    world.note(request.name, `is kept as ${shortOf(id)}, ${ticket.state.status}`);
    tickets.promised?.(id);
    if (known?.isExcused) return;
    if (known === undefined || known.ticket === null)
      return world.violate("1 kept", "a 202 without a stored ticket", id);
    if (known.about.tenant !== request.tenant) world.violate("private", "another tenant's ticket", id);
    const { essayA, essayB } = request.asked;
    if (known.texts.essayA !== essayA || known.texts.essayB !== essayB)
      world.violate("7 as accepted", "a ticket of another comparison", id);
  }

  function refused(request: Request, walk: Walk, refusal: WhyNot | KeyedRefusal): void {
    world.note(request.name, `is refused: ${refusal.kind}`);
    // Poison fills a queue that has room for a handful.
    const mayBeFull = request.name.startsWith("canary beside poison") && refusal.kind === "queue_full";
    if (request.name.startsWith("canary") && !mayBeFull)
      world.violate("4 ends", `not served, long after all was well: ${refusal.kind}`, request.name);
    // Whoever has hung up is not kept, and hears of nothing.
    if (request.hangsUpAfterMs !== null) return;
    if (refusal.kind === "gate" && request.mode !== "immediate")
      world.violate("modes", `turned away by the gate`, request.name);
    if (refusal.kind === "queue_full" && request.mode === "immediate")
      world.violate("modes", "an immediate one for a full queue", request.name);
    if (refusal.kind === "queue_full" && walk.ticketId !== null)
      world.violate("1 kept", "kept, though its client was told that there is no room", walk.ticketId);
    if (refusal.kind === "failed") checkFailure(request, walk, refusal.failure);
  }

  function checkFailure(request: Request, walk: Walk, failure: Failure): void {
    const isTransient = ["connection", "timeout", "unavailable", "rate_limited"].includes(failure.reason);
    if (isTransient && request.mode === "queue_if_unavailable")
      world.violate("modes", `${failure.reason} is no reason to refuse it`, request.name);
    // It was over in the wait for another call: by its deadline, or because its process stops.
    if (failure.reason === "timeout" || failure.reason === "hung_up") return;
    const last = walk.calls.at(-1)?.reply?.outcome;
    if (!last || last.ok) return;
    const { reason } = asServed(last.error, walk.others?.served === true);
    if (reason !== failure.reason)
      world.violate("3 true", `${failure.reason}, but the vendor said ${reason}`, request.name);
  }

  return {
    asked(request, walk) {
      const pausesMs = plan.rates.has("pause") ? 3 * longestPauseMs : 0;
      const cancel = scheduler.after(plan.settings.llm.requestTimeoutMs + storeMs + pausesMs, () =>
        world.violate("4 ends", `${walk.instance} has not answered in time`, request.name),
      );
      return { end: cancel };
    },

    answered(request, walk, answer) {
      if (!answer.ok) return refused(request, walk, answer.error);
      if (answer.value.kind === "kept") {
        if (request.mode === "immediate") world.violate("modes", "an immediate one is kept", request.name);
        return kept(request, answer.value.ticket);
      }
      this.judged(request, walk, answer.value);
    },

    judged(request, walk, { judgement, comparison, attempts }) {
      world.note(request.name, `is judged: ${judgement.winner}`);
      if (request.mode === "queue") world.violate("modes", "judged at once", request.name);
      fresh(walk.name, comparison.provider, judgement, (other) => other === walk);
      if (attempts !== walk.calls.length)
        world.violate("5 attempts", `${attempts} told of ${walk.calls.length} calls`, request.name);
      const most = 2 * (plan.liveRetries + 1);
      if (walk.calls.length > most) world.violate("5 attempts", `${walk.calls.length} calls`, request.name);
    },

    answeredKeyed(request, walk, name, answer) {
      const asked = JSON.stringify(request.asked);
      const known = keys.get(name);
      // A key whose ticket was cancelled is free.
      const before = known && isCancelled(known.success) ? undefined : known;
      if (!answer.ok) {
        if (
          before &&
          answer.error.kind !== "key_mismatch" &&
          answer.error.kind !== "store_away" &&
          before.asked !== asked
        )
          world.violate("idempotency", `another comparison under ${name}: ${answer.error.kind}`, name);
        // Whoever stood still until another had the key can't know what came of it, where the store is away.
        const isLate = scheduler.nowMs() - walk.atMs > plan.settings.llm.requestTimeoutMs + keyMarginMs;
        if (
          !isLate &&
          before?.asked === asked &&
          ["key_mismatch", "failed", "gate", "queue_full"].includes(answer.error.kind)
        )
          world.violate("idempotency", `refused after it succeeded: ${answer.error.kind}`, name);
        if (answer.error.kind !== "failed") world.note(request.name, `is refused: ${answer.error.kind}`);
        return;
      }
      const { value } = answer;
      if (value.kind !== "answered") kept(request, value.ticket);
      const success = value.kind !== "answered" ? `ticket ${value.ticket.about.id}` : `body ${value.body}`;
      if (before && before.asked !== asked)
        world.violate("idempotency", `one answer for two comparisons`, name);
      else if (before && before.success !== success)
        world.violate("idempotency", `${success.slice(0, 60)} after ${before.success.slice(0, 60)}`, name);
      keys.set(name, before ?? { asked, success });
    },

    cancelled(id, isStranger, ticket) {
      if (isStranger && ticket !== null) world.violate("private", "cancelled for a stranger", id);
      if (ticket === null || tickets.known(id)?.isExcused === true) return;
      world.note(`owner of ${shortOf(id)}`, `hears that it is ${ticket.state.status}`);
      const { state } = ticket;
      if (state.status === "queued" || state.status === "processing")
        world.violate("4 ends", `${state.status} though it was cancelled`, id);
      // What a client was told is so, whichever store it was told by.
      const known = tickets.known(id);
      if (state.status === "cancelled" && known?.ticket && known.status !== "cancelled")
        world.violate("2 states", `said to be cancelled, and is ${known.status}`, id);
    },

    found(id, isStranger, ticket) {
      const known = tickets.known(id);
      if (isStranger) {
        if (ticket !== null) world.violate("private", "shown to a stranger", id);
        return;
      }
      if (known === undefined || known.isExcused) return;
      const isOver =
        known.endedAtMs !== null &&
        (known.ended?.mostMs() ?? scheduler.nowMs() - known.endedAtMs) >= plan.policy.retentionMs - 10_000;
      if (ticket === null) {
        if (!isOver) world.violate("1 kept", "404 for a ticket that was accepted", id);
        return;
      }
      const { state, about } = ticket;
      if (state.status === "completed")
        fresh(id, about.provider, state.result.judgement, (walk) => walk.kind === "work" && walk.name === id);
    },
  };
}
