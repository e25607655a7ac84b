/** What operators did, in two stores as one: what is done while the primary store is away is kept here, and shown by this process alone. */
import { StoreAway, type Actions } from "../../gateway/ports.ts";
import type { FallbackStore } from "./fallback-store.ts";
import type { PrimaryStore } from "./primary-store.ts";
import type { Watch } from "./watch.ts";

export function failoverActions(
  fallback: Pick<FallbackStore, "actions">,
  primary: Pick<PrimaryStore, "actions">,
  watch: Pick<Watch, "ask">,
): Actions {
  return {
    note: (action) =>
      watch
        .ask(() => primary.actions.note(action))
        .catch((error: unknown) => {
          if (!(error instanceof StoreAway)) throw error;
          return fallback.actions.note(action);
        }),
    async latest(most) {
      const [here, there] = await Promise.all([
        fallback.actions.latest(most),
        watch.ask(() => primary.actions.latest(most)),
      ]);
      return [...there, ...here].toSorted((a, b) => b.atMs - a.atMs).slice(0, most);
    },
  };
}
