/** What a run's table tells of the ticket that lived alone. */
import type { Alone } from "./alone.ts";
import { failedCalls } from "./alone-rules.ts";

export function aloneRow(alone: Alone): readonly [string, string] {
  const { evidence, mood, outage } = alone;
  const ended = evidence.ends[0]?.ticket;
  const isCut = evidence.calls.some((call) => call.isCut);
  const away = `${mood} for ${seconds(outage.untilMs - outage.fromMs)}, ${failedCalls(alone).length} calls failed`;
  const end = `${ended?.status ?? "gone"} ${seconds((ended?.updatedAtMs ?? 0) - outage.untilMs)} after that`;
  return ["alone", `${away}, killed ${isCut ? "in" : "between"} calls; ${end}`];
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
