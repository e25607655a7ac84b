/** The vendors' lists of models: what the catalogue has, as each vendor would tell it. */
import { modelsOf } from "../../../src/providers/catalog.ts";
import type { JsonObject } from "../json.ts";

const moment = (day: string | null) => (day === null ? null : `${day}T00:00:00Z`);

export const openaiModels = (): JsonObject => ({
  object: "list",
  data: modelsOf("openai").map(({ id, shutdownOn }) => ({
    id,
    object: "model",
    created: 1_795_000_000,
    owned_by: "openai",
    shutdown_date: shutdownOn,
  })),
});

export const anthropicModels = (): JsonObject => {
  const data = modelsOf("anthropic").map(({ id, shutdownOn }) => ({
    id,
    type: "model",
    display_name: id,
    created_at: "2026-01-01T00:00:00Z",
    lifecycle: shutdownOn === null ? "active" : "deprecated",
    retires_at: moment(shutdownOn),
  }));
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
};

export const googleModels = (): JsonObject => ({
  models: modelsOf("google").map(({ id }) => ({ name: `models/${id}`, version: "001", displayName: id })),
});

export const openrouterModels = (): JsonObject => ({
  data: modelsOf("openrouter").map(({ id, shutdownOn }) => ({
    id,
    canonical_slug: id,
    expiration_date: shutdownOn,
  })),
});
