/** The LLM vendors: well most of the time, ill in a number of ways, and each judgement one that was never given before. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Failure } from "../../../src/domain/failure.ts";
import type { JudgeRequest, Provider, Reply } from "../../../src/gateway/ports.ts";
import type { Life } from "./life.ts";
import { asAlive } from "./life.ts";
import { gatedModel, signatureIn, unknownModel } from "./subjects.ts";
import { answerOf, failed, refusedModel, type Answering } from "./vendor-answers.ts";
import { drawPhases, told, type Subject } from "./vendor-phases.ts";
import { walks, type Call, type Sent } from "./walk.ts";
import type { World } from "./world.ts";

export interface Vendor {
  /** As one instance sees it. */
  seenFrom(life: Life): Provider;
  /** From when on every call for it is answered, since the start; `Infinity`: never. */
  wellFromMs(sent: Sent): number;
  /** Is there a text that it will never bear? */
  hasPoison(): boolean;
  /** The longest that a call takes of who is well. */
  readonly wellMs: number;
}

export interface CallWatch {
  began(call: Call): void;
  ended(call: Call): void;
}

/** What an adapter throws that has a bug: nobody else may. */
export class AdapterBug extends Error {
  override readonly name = "AdapterBug";
}

export const plainPlan = {
  temperature: null,
  reasoningEffort: null,
  structure: "schema",
  dropped: [],
} as const;

/** Between two calls of one model, where the vendor limits them. */
const tightMs = 1_000;

export function createVendor(world: World, name: ProviderName, watch: CallWatch): Vendor {
  const { scheduler, plan } = world;
  const random = world.random(`vendor ${name}`);
  const phases = drawPhases(world, name);
  // Long enough that a shared store comes and goes meanwhile.
  const wellMs = plan.shape === "shared" ? Math.min(15_000, plan.settings.llm.requestTimeoutMs * 0.8) : 3_000;
  const nextAtMs = new Map<string, number>();
  let calls = 0;

  function paceMs(model: string): number {
    const nowMs = scheduler.nowMs();
    const waitMs = Math.max(0, (nextAtMs.get(model) ?? 0) - nowMs);
    if (waitMs === 0) nextAtMs.set(model, nowMs + tightMs);
    return waitMs;
  }

  function answerTo(call: Call): Answering {
    const { model, promptSha256 } = call.sent;
    const subject = subjectOf(call.sent);
    if (model.startsWith(unknownModel)) return refusedModel(false, random);
    if (model.startsWith(gatedModel) && !world.hasHealed()) return refusedModel(true, random);
    const asked = {
      mark: `${name} ${call.number}`,
      model,
      promptSha256,
      number: subject.number,
      wellMs,
      paceMs: () => paceMs(model),
    };
    return answerOf(asked, phases.at(subject)?.illness ?? null, random);
  }

  function judge(life: Life, request: JudgeRequest, signal: AbortSignal): Promise<Reply> {
    const walk = walks.getStore();
    if (walk === undefined) throw new Error("a call for nobody");
    // What is over before it begins never reaches the vendor.
    if (signal.aborted) return Promise.resolve(failed(abortedBy(signal)));
    const { attempt, ...rest } = request;
    const call: Call = {
      number: ++calls,
      walk,
      sent: { ...rest, provider: name },
      attempt,
      atMs: scheduler.nowMs(),
      reply: null,
      hasThrown: false,
      verdict: null,
      owner: null,
    };
    watch.began(call);
    const { afterMs, reply, verdict } = answerTo(call);
    if (reply === "throws" && afterMs === 0) throw thrownBy(call);
    return new Promise((resolve, reject) => {
      const end = (answer: Reply | "throws", meant: Call["verdict"]) =>
        asAlive(scheduler, life, () => {
          cancel();
          signal.removeEventListener("abort", onAbort);
          if (call.reply !== null || call.hasThrown) return;
          if (answer === "throws") return reject(thrownBy(call));
          call.reply = answer;
          call.verdict = meant;
          watch.ended(call);
          resolve(answer);
        });
      const onAbort = () => end(failed(abortedBy(signal)), null);
      const cancel = afterMs === Infinity ? () => {} : scheduler.after(afterMs, () => end(reply, verdict));
      signal.addEventListener("abort", onAbort);
    });
  }

  function thrownBy(call: Call): AdapterBug {
    call.hasThrown = true;
    watch.ended(call);
    return new AdapterBug(`of ${name}, in call ${call.number}`);
  }

  world.note(`vendor ${name}`, phases.all.map(told).join(", ") || `well for ${plan.requests} requests`);
  return {
    wellMs,
    hasPoison: () => phases.all.some(({ untilMs }) => untilMs === Infinity),
    wellFromMs({ model, ...sent }) {
      if (model.startsWith(unknownModel)) return Infinity;
      const wellFromMs = phases.wellFromMs(subjectOf({ model, ...sent }));
      return model.startsWith(gatedModel) ? Math.max(plan.healMs, wellFromMs) : wellFromMs;
    },
    seenFrom: (life) => ({
      name,
      plan: () => plainPlan,
      cost: () => 0.001,
      judge: (request, signal) => judge(life, request, signal),
    }),
  };
}

function subjectOf({ model, user }: Pick<Sent, "model" | "user">): Subject {
  return { model, ...signatureIn(user) };
}

function abortedBy(signal: AbortSignal): Failure {
  return { reason: signal.reason === "timeout" ? "timeout" : "hung_up" };
}
