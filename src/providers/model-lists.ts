/** The vendors' own lists of models, and where the catalogue differs from them. For whoever keeps the catalogue; no judgement needs these lists. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { anthropic } from "./anthropic.ts";
import { jsonHeaders, type Vendor } from "./call.ts";
import { findModel, modelsOf } from "./catalog.ts";
import { items, parseJson, text, type Unsure } from "./envelope.ts";
import { google } from "./google.ts";
import type { Model } from "./models/model.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import type { Transport } from "./transport.ts";

export type ListingProvider = Exclude<ProviderName, "mock">;

/** A model in a vendor's list. */
export interface Listed {
  readonly id: string;
  /** UTC day of its end; `null`: none announced; `undefined`: such a list does not say. */
  readonly endsOn: string | null | undefined;
}

/** How one vendor's list is asked for and read. */
interface Listing {
  /** Below the base URL. @param after what the page before said about the next; `null`: the first page */
  readonly path: (after: string | null) => string;
  readonly read: (answer: unknown) => { readonly models: readonly Listed[]; readonly next: string | null };
}

const listings: Readonly<Record<ListingProvider, Listing>> = {
  // `ModelInfo` of @anthropic-ai/sdk 1.14.0
  anthropic: {
    path: (after) => `/v1/models?limit=1000${after === null ? "" : `&after_id=${encodeURIComponent(after)}`}`,
    read: (answer) => {
      const page = answer as Unsure<{ has_more: boolean; last_id: string }>;
      return {
        models: dataIn(answer, "retires_at"),
        next: page?.has_more === true ? text(page.last_id) || null : null,
      };
    },
  },
  // `Model` of openai 7.59.0
  openai: {
    path: () => "/models",
    read: (answer) => ({ models: dataIn(answer, "shutdown_date"), next: null }),
  },
  // https://ai.google.dev/api/models
  google: {
    path: (after) =>
      `/v1beta/models?pageSize=1000${after === null ? "" : `&pageToken=${encodeURIComponent(after)}`}`,
    read: (answer) => {
      const page = answer as Unsure<{ models: { name: string }[]; nextPageToken: string }>;
      return {
        models: items(page?.models).map((model) => ({
          id: text(model?.name).replace(/^models\//, ""),
          endsOn: undefined,
        })),
        next: text(page?.nextPageToken) || null,
      };
    },
  },
  // `Model` of @openrouter/sdk 1.3.19
  openrouter: {
    path: () => "/models",
    read: (answer) => ({ models: dataIn(answer, "expiration_date"), next: null }),
  },
};

/** @param end what a model's last day is called in the list */
function dataIn(answer: unknown, end: "retires_at" | "shutdown_date" | "expiration_date"): Listed[] {
  const page = answer as Unsure<{ data: ({ id: string } & Record<typeof end, string | null>)[] }>;
  return items(page?.data).map((model) => ({ id: text(model?.id), endsOn: dayIn(model?.[end]) }));
}

const dialects: Readonly<Record<ListingProvider, { headers(apiKey: string): object }>> = {
  anthropic,
  openai,
  google,
  openrouter,
};

const mostPages = 20;
const maxAnswerBytes = 16_777_216;

/** @returns the vendor's list; in words what went wrong where there is none. Never the key */
export async function listModels(
  provider: ListingProvider,
  { apiKey, baseUrl }: Vendor,
  transport: Transport,
  signal: AbortSignal,
): Promise<Result<readonly Listed[], string>> {
  const listing = listings[provider];
  const headers = { ...jsonHeaders, ...dialects[provider].headers(apiKey) };
  const all: Listed[] = [];
  let after: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const url = `${baseUrl}${listing.path(after)}`;
    const sent = await transport({ method: "GET", url, headers, body: null, maxAnswerBytes }, signal);
    if (!sent.ok)
      return err(`no answer (${sent.error.fault === "connection" ? sent.error.code : sent.error.fault})`);
    if (sent.value.status !== 200) return err(`HTTP ${sent.value.status}`);
    const { models, next } = listing.read(parseJson(sent.value.text));
    all.push(...models.filter(({ id }) => id !== ""));
    if (next === null) return all.length === 0 ? err("a list without models") : ok(all);
    after = next;
  }
  return err(`more than ${mostPages} pages`);
}

/**
 * What is to be looked at in the catalogue, in sentences.
 *
 * @param nowMs epoch milliseconds: a model whose end is past need not be listed any more
 */
export function differences(provider: ListingProvider, listed: readonly Listed[], nowMs: number): string[] {
  const known = modelsOf(provider).flatMap((model) => differencesOf(model, listed, nowMs));
  const unknown = listed
    .filter(({ id }) => families[provider].test(id) && !others.test(id) && !findModel(provider, id).known)
    .map(({ id }) => `${id} is listed, and not in the catalogue`);
  return [...known, ...unknown];
}

function differencesOf(model: Model, listed: readonly Listed[], nowMs: number): string[] {
  const { provider, id, shutdownOn } = model;
  const hasEnded = shutdownOn !== null && Date.parse(shutdownOn) <= nowMs;
  const itself = listed.filter((one) => one.id === id);
  // A vendor may list snapshots only.
  const found = itself.length > 0 ? itself : listed.filter((one) => findModel(provider, one.id).id === id);
  if (found.length === 0) return hasEnded ? [] : [`${id} is not listed`];
  const [{ endsOn } = { endsOn: undefined }] = found;
  if (endsOn === undefined || endsOn === shutdownOn)
    return hasEnded ? [`${id} is listed, though its end (${shutdownOn}) is past`] : [];
  return [
    `${id} ends on ${endsOn ?? "no day yet"} by the list, and on ${shutdownOn ?? "no day yet"} by the catalogue`,
  ];
}

/** Which of the listed models could be judges: OpenRouter's hundreds are left out, for the catalogue never wanted them all. */
const families: Readonly<Record<ListingProvider, RegExp>> = {
  anthropic: /^claude-/,
  openai: /^(gpt-\d|o\d)/,
  google: /^gemini-\d/,
  openrouter: /^(?!)/,
};
const others =
  /audio|realtime|transcribe|tts|image|live|embedding|search|codex|chat-latest|instruct|research|robotics|computer-use|cyber|-pro(-|$)/;

/** @returns the day of a date or of a moment; `null` where none is told */
function dayIn(value: unknown): string | null {
  return /^\d{4}-\d\d-\d\d/.exec(text(value))?.[0] ?? null;
}
