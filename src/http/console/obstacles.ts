/** What stands in a provider's way, since when, and until when: a sentence each. Of a provider that is well there are none. */
import { html } from "hono/html";
import type { PauseReason } from "../../domain/gate/pauses.ts";
import type { GateStatus } from "../../domain/gate/view.ts";
import type { NameOf } from "../paused-models.ts";
import { overdueMs } from "../health.ts";
import { counted, moment, named, type Html } from "./marks.ts";
import type { ProviderNow } from "./now.ts";

export function obstaclesOf(
  { name, setup, status }: ProviderNow,
  nameOf: NameOf,
  nowMs: number,
): readonly Html[] {
  if (status === null) return [html`Its gate can't be asked, so nothing is known of it.`];
  const { queue, refused, held, retryAtMs, halt } = status;
  if (!setup.enabled || !setup.configured) {
    const missing = setup.enabled ? "It has no key here" : "It is not enabled here";
    return queue.size === 0 ? [] : [html`${missing}, and its tickets wait until that is changed.`];
  }
  const found: Html[] = [];
  if (halt !== undefined)
    found.push(
      html`It is paused by ${named(halt.by)}, since ${moment(halt.atMs, nowMs)}, until somebody resumes it.`,
    );
  // What else is wrong is what whoever resumes will meet; it is asked for no sooner.
  const isAsked = halt === undefined && retryAtMs !== null;
  const again = isAsked ? html` It is asked again ${moment(retryAtMs, nowMs)}.` : "";
  // While it is paused nobody tries it out.
  const isDown = status.state === "open" || (status.state === "half_open" && halt !== undefined);
  if (isDown) found.push(html`It is down: ${faultsOf(status, nowMs)}${again}`);
  if (status.state === "half_open" && halt === undefined)
    found.push(html`It was down, and is being tried out: ${faultsOf(status, nowMs)}`);
  const refusedSince = sinceThen(status.refusedSinceMs, nowMs);
  if (refused === "credentials_refused") found.push(html`It refuses our credentials${refusedSince}.${again}`);
  if (refused === "quota_exhausted")
    found.push(html`Our credit or spend limit there is used up${refusedSince}.${again}`);
  for (const { model, why, untilMs } of halt === undefined ? held : [])
    found.push(html`${named(nameOf(name, model) ?? model)} ${pauses[why]} ${moment(untilMs, nowMs)}.`);
  if (!queue.accepting) found.push(html`Its queue is full: what can't be judged at once is refused.`);
  const oldestMs = queue.oldestAcceptedAtMs;
  if (found.length === 0 && oldestMs !== null && nowMs - oldestMs > overdueMs)
    found.push(html`Its oldest ticket waits for long, though nothing stands in its way.`);
  return found;
}

/** Nothing where nobody knows. */
function sinceThen(atMs: number | undefined, nowMs: number): Html | string {
  return atMs === undefined ? "" : html`, since ${moment(atMs, nowMs)}`;
}

function faultsOf(
  { faultsInRow, faultsSinceMs, lastFailure, lastSuccessMs }: GateStatus,
  nowMs: number,
): Html {
  const last = lastFailure === null ? "" : `, the last: ${lastFailure}`;
  const since =
    lastSuccessMs === null ? "it has never answered" : html`it last answered ${moment(lastSuccessMs, nowMs)}`;
  return html`${counted(faultsInRow, "fault")} in a row${sinceThen(faultsSinceMs, nowMs)}${last}; ${since}.`;
}

const pauses: Readonly<Record<PauseReason, string>> = {
  rate_limit: "is over its rate limit, and left alone. It goes on",
  faults: "is down while other models answer, and left alone. It goes on",
  refused: "is refused to us. A ticket asks again",
  no_judgements: "answers without judgements. A ticket asks again",
};
