/** Asks the old service, and remembers what it was asked and what it said. */
import { setTimeout as pause } from "node:timers/promises";
import type { Manifest, OldAnswer, OldKey, OldTicket, Tenant } from "../fixture.ts";

export interface Wish {
  /** `openrouter` unless told. */
  readonly provider?: string;
  readonly model?: string;
  /** The first of them unless told. */
  readonly tenant?: string;
  readonly priority?: number;
  readonly temperature?: number;
  readonly system?: string;
  readonly maxTokens?: number;
  readonly effort?: string;
  readonly userId?: string;
  /** Of the caller's trace. */
  readonly traceId?: string;
  /** Put into both essays. */
  readonly text?: string;
  readonly metadata?: object;
  /** Its Idempotency-Key. */
  readonly key?: string;
}

type Body = Readonly<Record<string, unknown>>;
type Answer = OldAnswer & { readonly body: Body };
type Mode = "immediate" | "queue" | "queue_if_unavailable";

export type Client = ReturnType<typeof startClient>;

const patienceMs = 40_000;

export function startClient(store: string, tenants: readonly Tenant[]) {
  let origin = "";
  const tickets = new Map<string, { tenant: string; id: string; request: Body; seen: OldTicket | null }>();
  const keys = new Map<string, Omit<OldKey, "was">>();
  let providers: Manifest["providers"] = {};

  async function ask(tenant: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const { key = "" } = tenants.find(({ name }) => name === tenant) ?? {};
    const headers = {
      authorization: `Bearer ${key}`,
      ...(init.headers as Record<string, string> | undefined),
    };
    const response = await fetch(origin + path, { ...init, headers });
    const text = await response.text();
    return { code: response.status, text, body: JSON.parse(text) as Body };
  }

  function begin(name: string, mode: Mode, wish: Wish) {
    const { tenant = tenants[0]?.name ?? "", key, traceId } = wish;
    const request = requestOf(name, mode, wish);
    const headers = {
      "content-type": "application/json",
      ...(key !== undefined && { "idempotency-key": key }),
      ...(traceId !== undefined && { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }),
    };
    const answering = ask(tenant, "/api/v1/comparison", {
      method: "POST",
      headers,
      body: JSON.stringify(request),
    });
    if (key !== undefined) keys.set(name, { name, tenant, key, request, answer: null });
    return { tenant, request, answering };
  }

  async function expectKept(name: string, mode: Mode, wish: Wish): Promise<void> {
    const { tenant, request, answering } = begin(name, mode, wish);
    const { code, text, body } = await answering;
    const tamed = tame(wish);
    if (code === 400 && JSON.stringify(tamed) !== JSON.stringify(wish)) return expectKept(name, mode, tamed);
    if (code !== 202) throw new Error(`${store}, ${name}: ${code} ${text}`);
    tickets.set(name, { tenant, id: String(body["queue_id"]), request, seen: null });
    const keyed = keys.get(name);
    if (keyed !== undefined) keys.set(name, { ...keyed, answer: { code, text } });
  }

  async function until(name: string, isIt: (status: Body) => boolean): Promise<void> {
    const { tenant, id } = tickets.get(name) ?? { tenant: "", id: "" };
    const endsAtMs = performance.now() + patienceMs;
    for (;;) {
      const { body, text } = await ask(tenant, `/api/v1/status/${id}`);
      if (isIt(body)) return;
      if (performance.now() > endsAtMs) throw new Error(`${store}, ${name} is still ${text}`);
      await pause(50);
    }
  }

  return {
    /** Where the service is now. */
    pointAt: (at: string) => void (origin = at),

    /** A ticket, without a live call. */
    queue: (name: string, wish: Wish) => expectKept(name, "queue", wish),

    /** A ticket, after a live call or in place of one. */
    keep: (name: string, wish: Wish) => expectKept(name, "queue_if_unavailable", wish),

    /** A live call, whatever comes of it. */
    async live(name: string, wish: Wish): Promise<void> {
      const { answering } = begin(name, "immediate", wish);
      const { code, text } = await answering;
      const keyed = keys.get(name);
      if (keyed !== undefined) keys.set(name, { ...keyed, answer: { code, text } });
    },

    /** A live call that nobody waits for: it ends with the service. */
    leave(name: string, wish: Wish): void {
      begin(name, "immediate", wish).answering.catch(() => {});
    },

    until,

    /** All tickets whose names begin so. */
    async untilAll(prefix: string, isIt: (status: Body) => boolean): Promise<void> {
      for (const name of tickets.keys()) if (name.startsWith(prefix)) await until(name, isIt);
    },

    /** What the service says of the tickets whose names begin so; of the providers too, where all are looked at. */
    async lookAt(prefix: string): Promise<void> {
      for (const [name, ticket] of tickets) {
        if (!name.startsWith(prefix)) continue;
        const { tenant, id, request } = ticket;
        const [status, results] = [
          await ask(tenant, `/api/v1/status/${id}`),
          await ask(tenant, `/api/v1/results/${id}`),
        ];
        const was = status.body["status"] as OldTicket["was"];
        const answers = { status: answerIn(status), results: answerIn(results) };
        tickets.set(name, { ...ticket, seen: { name, tenant, id, was, request, ...answers } });
      }
      if (prefix !== "") return;
      const shown = tenants.map(
        async ({ name }) => [name, (await ask(name, "/api/v1/providers")).body] as const,
      );
      providers = Object.fromEntries(await Promise.all(shown));
    },

    told(): Pick<Manifest, "tickets" | "keys" | "providers"> {
      return {
        tickets: [...tickets.values()].flatMap(({ seen }) => (seen === null ? [] : [seen])),
        keys: [...keys.values()].map((key) => ({ ...key, was: stateOf(key.answer) })),
        providers,
      };
    },
  };
}

const answerIn = ({ code, text }: Answer): OldAnswer => ({ code, text });

/** Newer code refuses half a surrogate pair, and a model's name that is not ASCII. */
function tame(wish: Wish): Wish {
  const whole = JSON.parse(JSON.stringify(wish).replaceAll(String.raw`\ud83d"`, '\u{1f989}"')) as Wish;
  return whole.model === undefined ? whole : { ...whole, model: whole.model.replaceAll(/[^ -~]/g, "") };
}

function stateOf(answer: OldAnswer | null): OldKey["was"] {
  return answer === null ? "open" : answer.code === 200 ? "answered" : "ticketed";
}

function requestOf(name: string, mode: Mode, wish: Wish): Body {
  const { provider = "openrouter", model, priority, temperature, text = "", metadata } = wish;
  const { system, maxTokens, effort, userId } = wish;
  return {
    user_prompt: `Which essay argues better? nonce-${name} {essay_a} {essay_b}`,
    essay_a: `The river floods every spring. ${text}`,
    essay_b: `The bridge was paid for by the market. ${text}`,
    llm_config_overrides: {
      provider_override: provider,
      ...(model !== undefined && { model_override: model }),
      ...(temperature !== undefined && { temperature_override: temperature }),
      ...(system !== undefined && { system_prompt_override: system }),
      ...(maxTokens !== undefined && { max_tokens_override: maxTokens }),
      ...(effort !== undefined && { reasoning_effort: effort }),
    },
    processing_mode: mode,
    ...(priority !== undefined && { priority }),
    ...(userId !== undefined && { user_id: userId }),
    ...(metadata !== undefined && { metadata }),
  };
}
