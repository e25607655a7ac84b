/** What clients asked and were told, one line each: the book that metrics and log are held against. */
import { setTimeout as pause } from "node:timers/promises";
import type { ProviderName } from "../../../../src/domain/judging/comparison.ts";

export interface Heard {
  /** Who asked; `null`: nobody whom the service knows. */
  readonly tenant: string | null;
  readonly method: string;
  /** As the service has it in metrics. */
  readonly route: string;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** What was asked, where it was a comparison. */
  readonly asked: Asked | null;
  /** The mark in its essay, by which the vendors' books name it. */
  readonly mark: string | null;
  /** When the answer was there. */
  readonly atMs: number;
}

export interface Asked {
  readonly provider: ProviderName;
  readonly mode: "immediate" | "queue" | "queue_if_unavailable";
  readonly model?: string;
  readonly tenant?: string;
  readonly key?: string;
  /** Put into an essay. */
  readonly text?: string;
  /** Put into the body as it is. */
  readonly more?: object;
}

/** Texts that are nobody's but the client's, its author's and the judge's. */
export const canaries = {
  prompt: "canary-in-the-prompt",
  system: "canary-in-the-system-prompt",
  essay: "canary-in-the-essay",
  user: "canary-of-a-user",
  metadata: "canary-in-the-metadata",
} as const;

export type Ledger = ReturnType<typeof openLedger>;

let comparisons = 0;

export function openLedger(origin: string, keys: Readonly<Record<string, string>>) {
  const heard: Heard[] = [];

  async function askOnce(
    route: string,
    path: string,
    tenant: string | null,
    init: RequestInit,
    asked: Asked | null,
    mark: string | null,
  ): Promise<Heard> {
    const headers = new Headers(init.headers);
    if (tenant !== null) headers.set("authorization", `Bearer ${keys[tenant] ?? ""}`);
    const response = await fetch(origin + path, { ...init, headers });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    const line: Heard = {
      tenant: response.status === 401 ? null : tenant,
      method: init.method ?? "GET",
      route,
      status: response.status,
      body: isJson ? (JSON.parse(text) as Heard["body"]) : {},
      asked,
      mark,
      atMs: Date.now(),
    };
    heard.push(line);
    return line;
  }

  /** Asked again where a store can't be reached, as clients do: on a busy machine one may not answer in time. Each answer stands in the book. */
  async function ask(
    route: string,
    path: string,
    tenant: string | null,
    init: RequestInit = {},
    asked: Asked | null = null,
    mark: string | null = null,
  ): Promise<Heard> {
    for (let tries = 1; ; tries++) {
      const line = await askOnce(route, path, tenant, init, asked, mark);
      if (!isStoreAway(line) || tries === 20) return line;
      await pause(300);
    }
  }

  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

  return {
    heard: heard as readonly Heard[],
    ask,
    /** @throws {Error} where the answer is another than was expected */
    async compare(asked: Asked, status: number, errorType?: string): Promise<Heard> {
      const { provider, mode, model, tenant = "maths", key, text = "", more } = asked;
      // With a key the same text twice is the same comparison.
      const mark = `[${key ?? ++comparisons}]`;
      const body = {
        user_prompt: `Which essay argues better? ${canaries.prompt}`,
        essay_a: `${canaries.essay} ${mark} ${text}`,
        essay_b: `${canaries.essay} The sky is blue.`,
        user_id: canaries.user,
        metadata: { note: canaries.metadata },
        processing_mode: mode,
        llm_config_overrides: {
          provider_override: provider,
          system_prompt_override: `You are a judge. ${canaries.system}`,
          ...(model !== undefined && { model_override: model }),
        },
        ...more,
      };
      const headers = key === undefined ? {} : { "idempotency-key": key };
      const line = await ask(routes.comparison, routes.comparison, tenant, post(body, headers), asked, mark);
      expectAnswer(line, status, errorType);
      return line;
    },
    /** Not a comparison of this service, and sent as it is. */
    send: (body: unknown, tenant: string | null) =>
      ask(routes.comparison, routes.comparison, tenant, post(body)),
    tryOut: (provider: ProviderName) =>
      ask(routes.test, `/api/v1/providers/${provider}/test`, "maths", { method: "POST" }),
    status: (id: string, tenant = "maths") => ask(routes.status, `/api/v1/status/${id}`, tenant),
    /** Waits for its end for so long at most. */
    waitFor: (id: string, seconds: number) =>
      ask(routes.status, `/api/v1/status/${id}?wait=${seconds}`, "maths"),
    result: (id: string, tenant = "maths") => ask(routes.results, `/api/v1/results/${id}`, tenant),
    cancel: (id: string) => ask(routes.ticket, `/api/v1/tickets/${id}`, "maths", { method: "DELETE" }),
    /** Of an operator, who acts. */
    operate: (route: keyof typeof operatorRoutes, named: string, who = "ops") =>
      ask(operatorRoutes[route], operatorRoutes[route].replace(/:\w+/, named), who, {
        method: route === "cancel" ? "DELETE" : route === "actions" ? "GET" : "POST",
      }),
    providers: () => ask(routes.providers, routes.providers, "maths"),
  };
}

export const routes = {
  comparison: "/api/v1/comparison",
  status: "/api/v1/status/:queue_id",
  results: "/api/v1/results/:queue_id",
  ticket: "/api/v1/tickets/:queue_id",
  providers: "/api/v1/providers",
  test: "/api/v1/providers/:provider/test",
} as const;

/** Not the vendor, nor our room for calls: a store of ours. */
export function isStoreAway({ status, body }: Heard): boolean {
  return status === 503 && String(body["error"]).startsWith("A store of this service ");
}

const operatorRoutes = {
  pause: "/api/v1/operator/providers/:provider/pause",
  resume: "/api/v1/operator/providers/:provider/resume",
  probe: "/api/v1/operator/providers/:provider/probe",
  cancel: "/api/v1/operator/tickets/:queue_id",
  actions: "/api/v1/operator/actions",
} as const;

export function expectAnswer({ status, body, asked }: Heard, wanted: number, errorType?: string): void {
  const told = body["error_type"];
  if (status === wanted && (errorType === undefined || told === errorType)) return;
  throw new Error(
    `${JSON.stringify(asked)}: ${wanted} ${errorType ?? ""} was expected, and ${status} ${JSON.stringify(body).slice(0, 300)} was told`,
  );
}
