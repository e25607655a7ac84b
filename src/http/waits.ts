/** What waits for what, in words for whoever reads `warnings`. */
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { GateStatuses } from "./gate-views.ts";
import { pausedModelsOf, type NameOf } from "./paused-models.ts";
import type { Setup } from "./provider-rows.ts";

/** Without names of models that only a caller has named. */
export function waitsInWords(
  gateStatuses: GateStatuses,
  setups: Readonly<Record<ProviderName, Setup>>,
  nameOf: NameOf,
): readonly string[] {
  return providerNames.flatMap((name) => {
    const gateStatus = gateStatuses[name];
    if (gateStatus === null) return [];
    const waiting =
      gateStatus.queue.size === 1 ? "one ticket waits" : `${gateStatus.queue.size} tickets wait`;
    const missing = whatIsMissing(setups[name]);
    // Nothing else that its gate waits for is worth a word: none of it was asked for here.
    if (missing !== null) {
      return gateStatus.queue.size === 0
        ? []
        : [`${name} ${missing} here: ${waiting} until that is changed.`];
    }
    const again =
      gateStatus.retryAtMs === null ? "" : ` It is asked again at ${iso(gateStatus.retryAtMs)} or later.`;
    const words: string[] = [];
    if (gateStatus.halt !== undefined) {
      const since = iso(gateStatus.halt.atMs);
      return [`${name} is paused by an operator since ${since}: ${waiting} until it is resumed.`];
    }
    if (gateStatus.refused !== null) {
      const what =
        gateStatus.refused === "quota_exhausted"
          ? "credit or spend limit is used up"
          : "credentials are refused";
      words.push(`Our ${what} at ${name}: ${waiting}.${again}`);
    }
    if (gateStatus.state !== "closed" && gateStatus.queue.size > 0)
      words.push(`${name} is down: ${waiting}.${again}`);
    const { named, others } = pausedModelsOf(name, gateStatus, nameOf);
    for (const { model, why, untilMs } of named) {
      words.push(`${model} at ${name} ${pauseInWords[why]} ${iso(untilMs)}.`);
    }
    if (others === 1) words.push(`Another model at ${name} waits by itself.`);
    if (others > 1) words.push(`${others} other models at ${name} wait, each by itself.`);
    return words;
  });
}

/** `null`: nothing, it can be asked. */
function whatIsMissing({ enabled, configured }: Setup): string | null {
  if (!enabled) return "is not enabled";
  return configured ? null : "has no key";
}

const pauseInWords = {
  rate_limit: "is left alone, as its vendor asked, until",
  faults: "is down, while other models answer. It is left alone until",
  refused: "is refused to this service. A ticket that waits for it may ask again from",
  no_judgements: "answers without judgements. A ticket that waits for it may ask again from",
} as const;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
