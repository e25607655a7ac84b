/** What operators did, and to what. */
import { html } from "hono/html";
import type { OperatorAction } from "../../gateway/ports.ts";
import { moment, named, table, type Html } from "./marks.ts";

/** @param actions newest first; `null`: they can't be asked for now */
export function actionsTable(actions: readonly OperatorAction[] | null, nowMs: number): Html {
  if (actions === null) return html`<p>What operators did can't be asked for now.</p>`;
  const rows = actions.map((action) => [
    moment(action.atMs, nowMs),
    named(action.operator),
    action.action,
    action.action === "cancel"
      ? html`<a href="/console/tickets/${action.queueId}">${action.queueId}</a> of ${named(action.tenant)}`
      : action.provider,
  ]);
  return table("Newest first.", ["When", "Operator", "Did", "To what"], rows, "Nothing lately.");
}
