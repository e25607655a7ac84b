/** A default model that nobody knows: whoever runs the service is told at the start, not by its callers. */
import { expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";
import { defaultModels } from "../../src/providers/catalog.ts";
import { unknownDefaults } from "../../src/providers/unknown-defaults.ts";

function saidOf(env: Readonly<Record<string, string>>) {
  const parsed = parseConfig(env, "node");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return unknownDefaults(parsed.value);
}

const OPENAI_API_KEY = "k";
const warning =
  /^OPENAI_DEFAULT_MODEL is gpt-7, which the catalogue does not have .+ spelt right\? Its cost is not known$/;

it.each([
  [
    "one that the catalogue does not have is told of",
    { OPENAI_API_KEY, OPENAI_DEFAULT_MODEL: "gpt-7" },
    true,
  ],
  ["one that it has is not", { OPENAI_API_KEY, OPENAI_DEFAULT_MODEL: defaultModels.openai }, false],
  [
    "nor a dated snapshot of that",
    { OPENAI_API_KEY, OPENAI_DEFAULT_MODEL: `${defaultModels.openai}-2026-11-01` },
    false,
  ],
  ["nor the service's own default", { OPENAI_API_KEY }, false],
  ["nor one of a provider without a key", { OPENAI_DEFAULT_MODEL: "gpt-7" }, false],
  [
    "nor one of a provider that is switched off",
    { OPENAI_API_KEY, OPENAI_ENABLED: "false", OPENAI_DEFAULT_MODEL: "gpt-7" },
    false,
  ],
  [
    "nor one behind an address that is not the vendor's",
    { OPENAI_API_KEY, OPENAI_BASE_URL: "https://own.example/v1", OPENAI_DEFAULT_MODEL: "gpt-7" },
    false,
  ],
] as const)("%s", (_, env, isSaid) => {
  expect(saidOf(env).map((said) => warning.test(said))).toEqual(isSaid ? [true] : []);
});
