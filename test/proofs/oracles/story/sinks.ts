/** Where the service tells of itself. No text of a client may be in any of them, no user and no key. */
import { canaries } from "./ledger.ts";
import { keysOf, type Stage } from "./stage.ts";

/** A further sink is a line here. */
const sinks: Readonly<Record<string, (stage: Stage) => string | Promise<string>>> = {
  "the log": (stage) => stage.log(),
  "/metrics": (stage) => stage.metrics(),
  "/console": (stage) => stage.console(),
  "the spans": (stage) => stage.collector?.texts().join("\n") ?? "",
};

/** @throws {Error} that names what is where */
export async function nothingLeaks(stage: Stage): Promise<void> {
  const secrets = [...Object.values(canaries), ...keysOf(stage)];
  const found: string[] = [];
  for (const [name, textOf] of Object.entries(sinks)) {
    const text = await textOf(stage);
    found.push(
      ...secrets.filter((secret) => text.includes(secret)).map((secret) => `${secret} is in ${name}`),
    );
  }
  if (found.length > 0) throw new Error(found.join("\n"));
}
