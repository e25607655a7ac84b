/** Default models that the catalogue does not have: most often a misspelt one, and each call for it would be refused. */
import type { Config } from "../settings/config.ts";
import { settings } from "../settings/settings.ts";
import { findModel } from "./catalog.ts";

const vendors = ["anthropic", "openai", "google", "openrouter"] as const;
const vendorUrls = settings.parse({});

/** @returns a sentence for each. Behind an address that is not the vendor's anything may be served, so nothing is said of that */
export function unknownDefaults({ providers }: Pick<Config, "providers">): readonly string[] {
  return vendors.flatMap((vendor) => {
    const { apiKey, baseUrl, defaultModel, enabled } = providers[vendor];
    const prefix = vendor.toUpperCase() as Uppercase<typeof vendor>;
    if (!enabled || apiKey === null || defaultModel === null) return [];
    if (baseUrl !== vendorUrls[`${prefix}_BASE_URL`] || findModel(vendor, defaultModel).known) return [];
    return [
      `${prefix}_DEFAULT_MODEL is ${defaultModel}, which the catalogue does not have (GET /api/v1/models): is it spelt right? Its cost is not known`,
    ];
  });
}
