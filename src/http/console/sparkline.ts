/** Ten minutes of calls as a picture of sixty bars. The numbers stand beside it. */
import { html } from "hono/html";
import type { RecentCalls } from "../../telemetry/recent.ts";
import type { Html } from "./marks.ts";

export function sparkline({ perSlot }: RecentCalls): Html {
  const most = Math.max(1, ...perSlot.map(({ calls }) => calls));
  const bars = (heights: readonly number[]) =>
    heights.map((of, at) => (of === 0 ? "" : `M${at * 3 + 1} 24v-${((23 * of) / most).toFixed(1)}`)).join("");
  return html`<svg viewBox="0 0 180 24" role="img" aria-label="Calls in each ten seconds of ten minutes, at most ${most}; failed ones red."><path d="${bars(perSlot.map(({ calls }) => calls))}"/><path class="bad" d="${bars(perSlot.map(({ failed }) => failed))}"/></svg>`;
}
