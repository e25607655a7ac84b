/** The providers that can be asked here: those that are enabled and have a key. */
import type { Config } from "../settings/config.ts";
import { type ProviderName, providerNames } from "../domain/judging/comparison.ts";
import type { Clock, Provider } from "../gateway/ports.ts";
import { anthropicProvider } from "./anthropic.ts";
import type { VendorParts, Vendor } from "./call.ts";
import { defaultModels } from "./catalog.ts";
import { googleProvider } from "./google.ts";
import { mockProvider } from "./mock.ts";
import { openaiProvider } from "./openai.ts";
import { openrouterProvider } from "./openrouter.ts";
import type { Transport } from "./transport.ts";

type Make = (vendor: Vendor, parts: VendorParts & { readonly clock: Clock }) => Provider;

const make: Readonly<Record<keyof Config["providers"], Make>> = {
  anthropic: anthropicProvider,
  openai: openaiProvider,
  google: googleProvider,
  openrouter: openrouterProvider,
};

export function createProviders(
  config: Config,
  transport: Transport,
  clock: Clock,
): ReadonlyMap<ProviderName, Provider> {
  const parts = { transport, nowMs: clock.nowMs, clock };
  const usable = new Map<ProviderName, Provider>();
  for (const name of providerNames) {
    if (name === "mock") continue;
    const { enabled, apiKey, baseUrl } = config.providers[name];
    if (enabled && apiKey !== null) usable.set(name, make[name]({ apiKey, baseUrl }, parts));
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
