/** What a gate's owner does with what the gate's look says: the same wherever a gate lives. */
import type { GateKeeper } from "./gate-keeper.ts";

/** What an owner brings, that its gate be alive. None of these may throw. */
export interface GateOwner {
  /** Brings tickets to workers. Those that reach none are sent again. */
  readonly send: (ticketIds: readonly string[]) => void;
  /** Has each of these tickets say how it stands, and releases the place of one that isn't there. Who can't be reached is asked after again. */
  readonly askAfter: (ticketIds: readonly string[]) => void;
  /** `look` is to be called at this moment, perhaps of the past, or before. */
  readonly setAlarm: (atMs: number) => void;
}

/** When the alarm rings, and whenever a change may have been missed. */
export function look(keeper: Pick<GateKeeper, "look">, owner: GateOwner): void {
  const { send, silent, wakeAtMs } = keeper.look();
  if (wakeAtMs !== null) owner.setAlarm(wakeAtMs);
  if (send.length > 0) owner.send(send);
  if (silent.length > 0) owner.askAfter(silent);
}

/** After every verb. Costs nothing while nothing has changed. */
export function lookIfDue(keeper: Pick<GateKeeper, "look" | "isDue">, owner: GateOwner): void {
  if (keeper.isDue()) look(keeper, owner);
}
