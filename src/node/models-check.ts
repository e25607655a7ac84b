/** `npm run models:check`: what the vendors' own lists say of the catalogue's models and of their ends. Asks those vendors whose keys are set. */
import { describeMistakes, parseConfig } from "../settings/config.ts";
import { differences, listModels } from "../providers/model-lists.ts";
import { undiciTransport } from "./vendors/undici-transport.ts";

const timeLimitMs = 30_000;

const parsed = parseConfig(process.env, "node");
if (!parsed.ok) {
  process.stderr.write(`These settings are wrong:\n${describeMistakes(parsed.error)}\n`);
  process.exitCode = 2;
} else {
  const { transport, close } = undiciTransport();
  let checked = 0;
  for (const provider of ["anthropic", "openai", "google", "openrouter"] as const) {
    const { apiKey, baseUrl } = parsed.value.providers[provider];
    if (apiKey === null) {
      process.stdout.write(`${provider}: no key here\n`);
      continue;
    }
    const listed = await listModels(
      provider,
      { apiKey, baseUrl },
      transport,
      AbortSignal.timeout(timeLimitMs),
    );
    if (!listed.ok) {
      process.stdout.write(`${provider}: could not be asked: ${listed.error}\n`);
      process.exitCode = 2;
      continue;
    }
    checked++;
    const found = differences(provider, listed.value, Date.now());
    process.stdout.write(
      `${provider}: ${listed.value.length} models are listed, ${found.length} differences\n`,
    );
    for (const sentence of found) process.stdout.write(`  ${sentence}\n`);
    if (found.length > 0) process.exitCode ??= 1;
  }
  if (checked === 0) process.exitCode = 2;
  await close();
}
