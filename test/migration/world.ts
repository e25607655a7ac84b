/** What the guarantees of `suite.ts` are asked of: the present code over an old store, on whichever platform. */
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { nonceOf, namesIn, type Manifest, type OldKey } from "./fixture.ts";
import type { Move } from "./moments.ts";

export interface OldWorld {
  /** The vendors of this world. */
  readonly lane: Lane;
  /** How the fixture was moved in time. */
  readonly move: Move;
  ask(tenant: string, path: string, init?: RequestInit): Promise<Answer>;
  /** Lets the service work for so long. */
  live(ms: number): Promise<void>;
  /** All that is stored of tickets, as text. */
  stored(): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: Body;
}

export type Body = Readonly<Record<string, unknown>>;

/** Those under which old stores are opened: the defaults, but for the fixture's tenants and the vendors of the test. */
export function settingsFor({ settings }: Manifest, { baseUrls }: Lane): Record<string, string> {
  const vendors = Object.entries(baseUrls).flatMap(([name, url]) => [
    [`${name.toUpperCase()}_API_KEY`, "fake"],
    [`${name.toUpperCase()}_BASE_URL`, url],
  ]);
  return {
    ...(Object.fromEntries(vendors) as Record<string, string>),
    ...settings,
    ENVIRONMENT: "test",
    LLM_MAX_RETRIES: "0",
  };
}

export function headersFor({ tenants }: Manifest, tenant: string, init: RequestInit): Record<string, string> {
  const { key = "" } = tenants.find(({ name }) => name === tenant) ?? {};
  return { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${key}` };
}

/** The same request as before, under the same key. */
export function askAgain(
  world: OldWorld,
  { tenant, key, request }: OldKey,
  changes: object = {},
): Promise<Answer> {
  return world.ask(
    tenant,
    "/api/v1/comparison",
    posted({ ...request, ...changes }, { "idempotency-key": key }),
  );
}

/** A live call of somebody new. */
export function askNow(world: OldWorld, tenant: string, overrides: object): Promise<Answer> {
  const request = {
    user_prompt: `Which one? ${nonceOf("new")}`,
    essay_a: "One.",
    essay_b: "Two.",
    llm_config_overrides: overrides,
    processing_mode: "immediate",
  };
  return world.ask(tenant, "/api/v1/comparison", posted(request, {}));
}

function posted(body: object, headers: object): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}

interface ProviderRow {
  readonly name: string;
  readonly circuit_breaker_state: unknown;
  readonly queue: { readonly size: number };
}

export async function providersIn(world: OldWorld, tenant: string): Promise<readonly ProviderRow[]> {
  const { body } = await world.ask(tenant, "/api/v1/providers");
  return body["providers"] as readonly ProviderRow[];
}

export async function breakerOf(world: OldWorld, tenant: string, provider: string): Promise<unknown> {
  return (await providersIn(world, tenant)).find(({ name }) => name === provider)?.circuit_breaker_state;
}

/** Judgements that the vendors gave, by the name of what they are about. */
export async function judgedIn({ lane }: OldWorld): Promise<ReadonlyMap<string, number>> {
  const judged = new Map<string, number>();
  for (const { outcome, bodyText } of await lane.requests("judgement")) {
    if (outcome !== "answered") continue;
    for (const name of new Set(namesIn(bodyText))) judged.set(name, (judged.get(name) ?? 0) + 1);
  }
  return judged;
}

/** Calls for a judgement that one vendor has heard. */
export async function callsTo({ lane }: OldWorld, wanted: string) {
  return (await lane.requests("judgement")).filter(({ vendor }) => vendor === wanted);
}
