/** Those who ask: each request in its own way, some twice, some gone before the answer; whoever has a ticket comes back for it. */
import { processingModes, type ProviderName } from "../../../src/domain/judging/comparison.ts";
import { canonicalText, frame, frameVersion, judgeSystemPrompt } from "../../../src/domain/judging/prompt.ts";
import type { Caller } from "../../../src/gateway/submission.ts";
import { resolve, type Asked } from "../../../src/gateway/resolve.ts";
import { hash } from "node:crypto";
import { drawCrowds } from "./crowds.ts";
import type { Instance } from "./instance.ts";
import { signed, tenants, unknownModel } from "./subjects.ts";
import { plainPlan, type Vendor } from "./vendor.ts";
import { newWalk, walks, type Sent, type Walk } from "./walk.ts";
import type { AnswerWatch } from "./watch-answers.ts";
import type { LeaseWatch } from "./watch-leases.ts";
import { shortOf, type World } from "./world.ts";

/** One request, as often as it is sent. */
export interface Request {
  readonly name: string;
  readonly asked: Asked;
  readonly mode: Caller["mode"];
  readonly priority: number;
  readonly tenant: string;
  /** `null`: it is sent without an Idempotency-Key. */
  readonly key: string | null;
  readonly hangsUpAfterMs: number | null;
}

const hourMs = 3_600_000;

/** @param someone an instance that takes requests; `null`: none does */
export function startClients(
  world: World,
  someone: () => Instance | null,
  watch: AnswerWatch,
  leases: LeaseWatch,
  vendors: ReadonlyMap<ProviderName, Vendor>,
): void {
  const { plan, scheduler } = world;
  const random = world.random("clients");
  const isBusy = plan.traffic === "busy";
  let last: Request | null = null;
  for (let number = 1; number <= plan.requests; number++) {
    const atMs = isBusy ? random.between(0, plan.busyMs) : (number - random.next()) * hourMs;
    const request = drawRequest(number, last);
    last = request;
    scheduler.after(atMs, () => send(request, 1));
    const repeats =
      request.key !== null && world.random("repeats").chance(plan.rates.has("repeats") ? 0.7 : 0);
    if (!repeats) continue;
    for (let again = random.between(1, 3); again > 0; again--) {
      scheduler.after(atMs + random.between(0, random.pick([3_000, 200_000])), () => send(request, 2));
    }
    const other = { ...request, asked: { ...request.asked, essayB: `Another essay, ${number}.` } };
    if (random.chance(0.3)) scheduler.after(atMs + random.between(1, 200_000), () => send(other, 1));
  }
  for (const { atMs, request } of drawCrowds(world, drawRequest))
    scheduler.after(atMs, () => send(request, 1));

  // When nothing has failed for long, everybody is served at once.
  for (const provider of plan.providers) {
    // One text that the vendor can't bear, alone in the queue, keeps the breaker open: what is kept beside it is judged soon.
    const isBeside = vendors.get(provider)?.hasPoison() === true;
    const mode = isBeside ? "queue_if_unavailable" : "immediate";
    const fresh = {
      ...drawRequest(plan.requests + 1, null),
      mode,
      key: null,
      hangsUpAfterMs: null,
    } as const;
    const request = {
      ...fresh,
      name: `canary ${isBeside ? "beside poison" : ""} of ${provider}`,
      asked: { ...fresh.asked, provider, model: null },
    };
    scheduler.after(plan.healMs + 25 * 60_000, () => send(request, 1));
  }

  function drawRequest(number: number, before: Request | null): Request {
    const isTwin = before !== null && plan.rates.has("twins") && world.random("twins").chance(0.4);
    const provider = random.pick<ProviderName | null>([null, ...plan.providers]);
    const tenant = random.pick(tenants);
    const model = random.pick([null, null, null, "large", "small"]);
    const isUnknown = plan.rates.has("unknown_models") && world.random("unknown_models").chance(0.2);
    const fresh: Asked = {
      userPrompt: "Which of {essay_a} and {essay_b} argues better?",
      essayA: `${signed(number, tenant)} ${"So it is. ".repeat(random.between(1, 60))}`,
      essayB: `Essay two of ${number}. ${"Or not. ".repeat(random.between(1, 60))}`,
      provider,
      model: isUnknown ? `${unknownModel}-${number}` : model && `${provider ?? plan.providers[0]}-${model}`,
      systemPrompt: random.chance(0.2) ? `Be brief, ${number}.` : null,
      temperature: null,
      maxTokens: random.chance(0.3) ? 100 + number : null,
      reasoningEffort: null,
    };
    return {
      name: `request ${number}`,
      asked: isTwin ? before.asked : fresh,
      mode: isBusy ? random.pick(processingModes) : random.pick(["queue", "queue_if_unavailable"]),
      priority: random.pick([0, 0, 5, 10]),
      tenant,
      key: random.chance(0.4) ? `key-${number}` : null,
      hangsUpAfterMs:
        plan.rates.has("hang_up") && world.random("hang_up").chance(0.3) ? random.between(1, 20_000) : null,
    };
  }

  function send(request: Request, tries: number): void {
    const instance = someone();
    if (instance === null) {
      // Nobody listens: the client tries again.
      if (tries < 20) scheduler.after(3_000, () => send(request, tries + 1));
      return;
    }
    const walk = newWalk("request", request.name, instance.life.name, null, scheduler.nowMs());
    walk.expected = expectedOf(request, instance);
    walk.tenant = request.tenant;
    world.note(request.name, `${request.mode}${request.key ? ", keyed" : ""} to ${instance.life.name}`);
    const isOpen = watch.asked(request, walk);
    const whenGone = () => isOpen.end();
    instance.life.onDeath.add(whenGone);
    walks.run(walk, () => {
      const answered = request.key === null ? plain(request, instance, walk) : keyed(request, instance, walk);
      void answered.finally(() => {
        instance.life.onDeath.delete(whenGone);
        isOpen.end();
        leases.over(walk, instance.life);
      });
    });
  }

  async function plain(request: Request, instance: Instance, walk: Walk): Promise<void> {
    try {
      const answer = await instance.submit(request.asked, callerOf(request));
      watch.answered(request, walk, answer);
      if (answer.ok && answer.value.kind === "kept") comeBack(request, answer.value.ticket.about.id);
    } catch (error) {
      instance.failed(error, walk);
    }
  }

  async function keyed(request: Request, instance: Instance, walk: Walk): Promise<void> {
    const { asked, tenant, key } = request;
    const name = `${tenant}-${key}`;
    walk.key = name;
    try {
      const answer = await instance.submitKeyed(
        { name, requestSha256: hash("sha256", JSON.stringify(asked)) },
        asked,
        callerOf(request),
        (judged) => {
          watch.judged(request, walk, judged);
          return JSON.stringify({ ...judged.judgement, provider: judged.comparison.provider });
        },
      );
      watch.answeredKeyed(request, walk, name, answer);
      if (answer.ok && answer.value.kind !== "answered") comeBack(request, answer.value.ticket.about.id);
    } catch (error) {
      instance.failed(error, walk);
    }
  }

  function callerOf({ mode, priority, tenant, name, hangsUpAfterMs }: Request): Caller {
    const onHangUp: Caller["onHangUp"] = (then) =>
      hangsUpAfterMs === null ? () => {} : scheduler.after(hangsUpAfterMs, then);
    return {
      correlationId: name,
      tenant,
      mode,
      priority,
      userId: null,
      traceId: null,
      metadata: {},
      queueId: null,
      onHangUp,
    };
  }

  /** Owners change their minds: at any moment of the ticket's life, some of them as soon as they see it called for, and some twice. */
  function mayCancel(request: Request, id: string): void {
    const minds = world.random("cancels");
    if (!plan.rates.has("cancels") || !minds.chance(0.5)) return;
    if (minds.chance(0.5)) return cancelWhenCalled(request, id, 100);
    const withinMs = minds.pick([10, 3_000, 60_000, plan.policy.ttlMs]);
    for (let times = minds.between(1, 2); times > 0; times--)
      scheduler.after(minds.between(1, withinMs), () => cancel(request, id, minds.chance(0.2)));
  }

  function cancelWhenCalled(request: Request, id: string, visits: number): void {
    if (visits === 0) return cancel(request, id, false);
    const afterMs = world.random("cancels").pick([5, 50, 500]);
    scheduler.after(afterMs, () => {
      const instance = someone();
      const again = () => cancelWhenCalled(request, id, visits - 1);
      if (instance === null) return again();
      const walk = newWalk("request", `visit to ${shortOf(id)}`, instance.life.name, id, scheduler.nowMs());
      walks.run(walk, () => {
        const isWaiting = (ticket: Awaited<ReturnType<Instance["find"]>>) => {
          if (ticket?.state.status === "processing") cancel(request, id, false);
          return ticket?.state.status === "queued";
        };
        instance.find(id, request.tenant).then((ticket) => isWaiting(ticket) && again(), again);
      });
    });
  }

  function cancel(request: Request, id: string, isStranger: boolean): void {
    const instance = someone();
    if (instance === null) return;
    const tenant = isStranger ? "a stranger" : request.tenant;
    const walk = newWalk(
      "request",
      `cancelling of ${shortOf(id)}`,
      instance.life.name,
      id,
      scheduler.nowMs(),
    );
    walks.run(walk, () => {
      instance.cancel(id, tenant).then(
        (ticket) => watch.cancelled(id, isStranger, ticket),
        (error: unknown) => instance.failed(error, walk),
      );
    });
  }

  /** To see how the ticket is: now and then, once it must have ended, and when it must be forgotten. */
  function comeBack(request: Request, id: string): void {
    const visits = [1, 20_000, 120_000, plan.policy.ttlMs, plan.policy.ttlMs + 200_000];
    for (const afterMs of visits) scheduler.after(random.between(1, afterMs), () => look(request, id));
    scheduler.after(plan.policy.ttlMs + 200_000, () => look(request, id));
    mayCancel(request, id);
  }

  function look(request: Request, id: string): void {
    const instance = someone();
    if (instance === null) return;
    const stranger = random.chance(0.2);
    const tenant = stranger ? "a stranger" : request.tenant;
    const walk = newWalk("request", `visit to ${shortOf(id)}`, instance.life.name, id, scheduler.nowMs());
    walks.run(walk, () => {
      instance.find(id, tenant).then(
        (ticket) => watch.found(id, stranger, ticket),
        (error: unknown) => instance.failed(error, walk),
      );
    });
  }
}

/** What an immediate call sends for it today: by the contract, so does every later one. */
function expectedOf({ asked }: Request, { defaults }: Instance): Sent {
  const comparison = resolve(asked, defaults);
  const promptSha256 = hash("sha256", canonicalText(comparison));
  return {
    provider: asked.provider ?? defaults.provider,
    model: asked.model ?? defaults.models[comparison.provider],
    system: asked.systemPrompt ?? judgeSystemPrompt,
    user: frame(comparison, promptSha256),
    maxTokens: asked.maxTokens ?? defaults.maxTokens,
    plan: plainPlan,
    promptSha256,
    frame: frameVersion,
  };
}
