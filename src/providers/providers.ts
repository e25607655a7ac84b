/** The providers that can be asked here: those that are enabled and have a key. */
import type { Config } from "../settings/config.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Clock, Provider } from "../gateway/ports.ts";
import { anthropicProvider } from "./anthropic.ts";
import type { Vendor } from "./call.ts";
import { defaultModels } from "./catalog.ts";
import { googleProvider } from "./google.ts";
import { mockProvider } from "./mock.ts";
import { openaiProvider } from "./openai.ts";
import { openrouterProvider } from "./openrouter.ts";
import type { Transport } from "./transport.ts";

export function createProviders(
  config: Config,
  transport: Transport,
  clock: Clock,
): ReadonlyMap<ProviderName, Provider> {
  const surroundings = { transport, nowMs: clock.nowMs, clock };
  const make: Readonly<Record<keyof Config["providers"], (vendor: Vendor) => Provider>> = {
    anthropic: (vendor) => anthropicProvider(vendor, surroundings),
    openai: (vendor) => openaiProvider(vendor, surroundings),
    google: (vendor) => googleProvider(vendor, surroundings),
    openrouter: (vendor) => openrouterProvider(vendor, surroundings),
  };
  const usable = new Map<ProviderName, Provider>();
  for (const name of ["anthropic", "openai", "google", "openrouter"] as const) {
    const { enabled, apiKey, baseUrl } = config.providers[name];
    if (enabled && apiKey !== null) usable.set(name, make[name]({ apiKey, baseUrl }));
  }
  if (config.mock.enabled) usable.set("mock", mockProvider(config.mock, clock));
  return usable;
}

/** The model that each provider is asked for where a caller names none. */
export function configuredModels({ providers }: Config): Readonly<Record<ProviderName, string>> {
  return {
    anthropic: providers.anthropic.defaultModel ?? defaultModels.anthropic,
    openai: providers.openai.defaultModel ?? defaultModels.openai,
    google: providers.google.defaultModel ?? defaultModels.google,
    openrouter: providers.openrouter.defaultModel ?? defaultModels.openrouter,
    mock: defaultModels.mock,
  };
}
