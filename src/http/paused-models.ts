/** Which models are paused, under names that whoever asks may see. */
import { isOwnKey } from "../domain/gate/model-key.ts";
import type { GateStatus } from "../domain/gate/view.ts";
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { ModelsAnswer } from "../wire/schemas.ts";

/** A model's name, by its gate's key for the model; `null`: it is none that everybody may know of. */
export type NameOf = (provider: ProviderName, key: string) => string | null;

/** What names can be known from: the catalogue's models, and the defaults. */
export interface NamedModels {
  readonly gateway: Gateway;
  readonly defaultModels: Readonly<Record<ProviderName, string>>;
  /** The catalogue's, and the defaults, as they are now: of one provider, or of all. */
  readonly models: (provider?: ProviderName) => ModelsAnswer["models"];
}

export async function namesByKey({ gateway, defaultModels, models }: NamedModels): Promise<NameOf> {
  const ids = [
    ...models().map(({ provider, id }) => [provider, id] as const),
    ...providerNames.map((name) => [name, defaultModels[name]] as const),
  ];
  const rows = await Promise.all(
    ids.map(async ([provider, id]) => [`${provider} ${(await gateway.keysOf("", id)).model}`, id] as const),
  );
  const names = new Map(rows);
  return (provider, key) => names.get(`${provider} ${key}`) ?? null;
}

/** Callers name models freely, and what one caller names no other may see: only the catalogue's, and what the asker's own tickets wait for. */
export function pausedModelsOf(provider: ProviderName, gateStatus: GateStatus | null, nameOf: NameOf) {
  const paused = (gateStatus?.held ?? []).map(({ model: key, isWanted, ...pause }) => {
    const own = isWanted && isOwnKey(key) ? key : null;
    return { ...pause, model: nameOf(provider, key) ?? own };
  });
  const named = paused.flatMap(({ model, ...pause }) => (model === null ? [] : [{ model, ...pause }]));
  return { named, others: paused.length - named.length };
}
