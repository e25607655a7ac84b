/** What holds for any environment whatever. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { describeMistakes, parseConfig } from "../../src/settings/config.ts";
import { settings } from "../../src/settings/settings.ts";
import { anyCharacter } from "../support/any-character.ts";

const platforms = ["node", "cloudflare"] as const;
const names = Object.keys(settings.shape);
const hash = "a".repeat(64);

const aName = fc.oneof(fc.constantFrom(...names, "QUEUE_X", "__proto__", "constructor"), fc.string());
const aText = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.constantFrom("true", "0", "0.5", "9999999", "production", "mock", "0.0.0.0", `one:${hash}`, "http://x"),
);

it.each(platforms)("parsing never throws on %s, and gives each mistake one line", (platform) => {
  fc.assert(
    fc.property(fc.dictionary(aName, fc.oneof(aText, fc.anything())), (env) => {
      const parsed = parseConfig(env, platform);
      const mistakes = parsed.ok ? [] : parsed.error;
      const lines = parsed.ok ? [] : describeMistakes(parsed.error).split("\n");
      expect(lines).toHaveLength(mistakes.length);
    }),
    { numRuns: 1_000 },
  );
});

it.each(platforms)("no secret is in a mistake or a warning on %s", (platform) => {
  const canary = "sk-canary-0123456789";
  const inUrl = [
    `https://${canary}@host/`,
    `https://user:${canary}@host/1`,
    `https://host/?key=${canary}`,
    `http://host/#${canary}`,
    `ftp://${canary}@host`,
    `host:1,${canary}@host:2`,
  ];
  const bare = [
    canary,
    `${canary}:${hash}`,
    `one:${canary}`,
    `x ${canary}`,
    `\u0000${canary}`,
    canary.repeat(99),
    `one/main=https://host/${canary}`,
    `one/main=http://host/?key=${canary}`,
    `one/main=https://${canary}@host/`,
    `one/main=whsec_${canary}`,
    `one/main=whsec_${btoa(canary.repeat(2))}`,
    `one/main=whsec_${btoa(canary.repeat(2))} one/main=${canary}`,
    `one/main=https://host/1 one/main=https://host/${canary}`,
  ];
  const aSecret = (name: string) => fc.constantFrom(...inUrl, ...(/_(URL|SERVERS)$/.test(name) ? [] : bare));
  const holders = names.filter((name) =>
    /_(KEYS?|TOKEN|DSN|URLS?|SECRETS|PREFIXES|SERVERS|USERNAME|PASSWORD)$/.test(name),
  );
  expect(holders).toHaveLength(22);
  const env = fc.record(Object.fromEntries(holders.map((name) => [name, aSecret(name)])));
  const others = fc.constantFrom({}, { ENVIRONMENT: "production" }, { HOST: "::", QUEUE_TYPO: canary });
  fc.assert(
    fc.property(env, others, (secrets, more) => {
      const parsed = parseConfig({ ...secrets, ...more }, platform);
      const told = parsed.ok
        ? parsed.value.warnings.join()
        : JSON.stringify(parsed.error) + describeMistakes(parsed.error);
      expect(told).not.toMatch(new RegExp(`canary|${btoa(canary).slice(0, 20)}`));
    }),
  );
});
