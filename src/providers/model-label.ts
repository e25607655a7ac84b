/** Models as labels of metrics: a list that no caller can make longer. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { findModel } from "./catalog.ts";

/** Names that are remembered: snapshots of a model are as many as there are dates. */
const mostRemembered = 500;

/** @returns the catalogue's id of a model, a provider's default by its own name, or `other` */
export function createModelLabel(
  defaults: Readonly<Record<ProviderName, string>>,
): (provider: ProviderName, model: string) => string {
  const remembered = new Map<ProviderName, Map<string, string>>();

  return (provider, model) => {
    const ofProvider = remembered.get(provider) ?? new Map<string, string>();
    const known = ofProvider.get(model);
    if (known !== undefined) return known;
    const found = findModel(provider, model);
    const label = found.known ? found.id : model === defaults[provider] ? model : "other";
    if (ofProvider.size < mostRemembered) remembered.set(provider, ofProvider.set(model, label));
    return label;
  };
}
