/** The service under load, over HTTP. The key goes into its header and nowhere else. */
import { Agent } from "undici";
import * as z from "zod";
import type { Options } from "./options.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  /** `null`: something else than the service has answered. */
  readonly correlationId: string | null;
}

export interface Service {
  /** @param path below the service's URL @param limitMs for the whole of it @throws {Error} where no answer comes */
  ask(method: "GET" | "POST", path: string, limitMs: number, body?: string): Promise<Answer>;
  /** Requests that were sent, and connections that were opened for them. */
  counts(): { readonly requests: number; readonly opened: number };
  close(): Promise<void>;
}

export function connectTo({ url, key, connections }: Pick<Options, "url" | "key" | "connections">): Service {
  const { origin, pathname } = new URL(url);
  const base = pathname.replace(/\/+$/, "");
  // The time limits are ours: they count from another moment than the library's.
  const agent = new Agent({ connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  let requests = 0;
  let opened = 0;
  agent.on("connect", () => opened++);
  const headers = {
    ...(key !== null && { authorization: `Bearer ${key}` }),
    "content-type": "application/json",
  };
  return {
    async ask(method, path, limitMs, body) {
      requests++;
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(limitMs)));
      const about = { origin, path: base + path, method, headers, signal };
      const answer = await agent.request(body === undefined ? about : { ...about, body });
      const text = await answer.body.text();
      const id = answer.headers["x-correlation-id"];
      return { status: answer.statusCode, text, correlationId: typeof id === "string" ? id : null };
    },
    counts: () => ({ requests, opened }),
    close: () => agent.close(),
  };
}

/** What befell a request that has no answer, in a word. */
export function whatBefell(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return "no answer in time";
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "no answer";
}

const providersAnswer = z.object({
  default_provider: z.string(),
  providers: z.array(z.object({ name: z.string(), enabled: z.boolean(), configured: z.boolean() })),
});

/** Looks before it leaps. @returns whom the service will ask, or why there is no use in beginning */
export async function lookAt(
  service: Pick<Service, "ask">,
  { providers }: Pick<Options, "providers">,
): Promise<{ readonly asks: readonly string[] } | { readonly fault: string }> {
  let answer: Answer;
  try {
    answer = await service.ask("GET", "/api/v1/providers", 10_000);
  } catch (error) {
    return { fault: `Nothing answers at --url (${whatBefell(error)}).` };
  }
  if (answer.status === 401) return { fault: "The service asks for a key that it knows: --key says how." };
  const read = answer.status === 200 ? readJson(answer.text) : null;
  if (!read?.success) return { fault: `At --url something else answers (status ${answer.status}).` };
  const usable = read.data.providers.filter(({ enabled, configured }) => enabled && configured);
  const names = usable.map(({ name }) => name);
  const asks = providers.length === 0 ? [read.data.default_provider] : providers;
  const unusable = asks.filter((name) => !names.includes(name));
  if (unusable.length === 0) return { asks };
  return { fault: `The service can't ask ${unusable.join(", ")} (usable: ${names.join(", ") || "none"}).` };
}

function readJson(text: string) {
  try {
    return providersAnswer.safeParse(JSON.parse(text));
  } catch {
    return null;
  }
}
