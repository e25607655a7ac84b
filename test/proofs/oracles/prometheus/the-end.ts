/** How the story ends: processes are stopped, and one of them has left something to do. */
import { setTimeout as pause } from "node:timers/promises";
import type { FakeUpstream } from "../../../../tools/fake-upstream/server.ts";
import type { Check } from "../oracle.ts";
import { endOf, ticketOf } from "../story/chapters.ts";
import { openStage, throwing } from "../story/stage.ts";
import { checkLogs, checkSpans, type Told } from "./against-books.ts";
import { everyAlertFired } from "./questions.ts";
import type { Prometheus } from "./server.ts";

/** A process is stopped with a ticket unfinished, alerts have heard of it, and another process ends that ticket. Then the logs are whole. */
export async function tellTheEnd(
  check: Check,
  prometheus: Prometheus,
  names: readonly string[],
  { upstream, seenMs }: { readonly upstream: FakeUpstream; readonly seenMs: number },
  all: readonly Told[],
): Promise<void> {
  const [first, ...others] = all;
  if (first === undefined) return;
  await first.stage.lanes.openai.rescript([{ fault: "unavailable", times: "forever" }]);
  const left = ticketOf((await first.stage.ledger.compare({ provider: "openai", mode: "queue" }, 202)).body);
  for (const { stage } of all) await stage.service.stop();
  for (const told of all) await checkSpans(check, told);
  await pause(seenMs);
  await check("every alert has fired, but those that are on the list", () =>
    everyAlertFired(prometheus, names),
  );
  prometheus.stop();
  let again: Told | null = null;
  await check("what a process has left unfinished the next one finds, and ends", async () => {
    const stage = await openStage("node", upstream, first.stage.folder, throwing);
    await stage.lanes.openai.rescript([]);
    again = { stage, ended: [await endOf(stage, left)] };
    await stage.service.stop();
  });
  await checkLogs(check, [mergedWith(first, again), ...others]);
}

/** The log of both stands in the same file. */
function mergedWith(first: Told, again: Told | null): Told {
  if (again === null) return first;
  const heard = [...first.stage.ledger.heard, ...again.stage.ledger.heard];
  const ledger = { ...again.stage.ledger, heard };
  return { stage: { ...again.stage, ledger }, ended: [...first.ended, ...again.ended] };
}
