/** Tells the primary store what was noted while it was away: outcomes of its claims, and which tickets it must forget. */
import type { FailoverEvent } from "../../telemetry/events.ts";
import type { Doubtful, FallbackNotes, Spooled } from "./fallback-store.ts";
import { isRefusal, type PrimaryTickets } from "./primary-store.ts";
import type { Ask } from "./watch.ts";

export interface NoteTellerParts {
  readonly notes: FallbackNotes;
  readonly primary: Pick<PrimaryTickets, "withdraw" | "settleAsOf">;
  readonly tell: (event: FailoverEvent) => void;
}

/** @returns false: the store has refused some. Others need not wait for what the store won't have, which stays noted for another time */
export async function tellNotes(parts: NoteTellerParts, ask: Ask): Promise<boolean> {
  const { notes } = parts;
  let isDone = true;
  const orLater = async (note: () => Promise<void>) => {
    try {
      await note();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      isDone = false;
    }
  };
  for (const spooled of notes.spooled()) await orLater(() => settle(parts, ask, spooled));
  for (const doubtful of notes.doubtful()) await orLater(() => withdraw(parts, ask, doubtful));
  return isDone;
}

async function settle(
  { notes, primary, tell }: NoteTellerParts,
  ask: Ask,
  { id, fence, outcome, atMs }: Spooled,
): Promise<void> {
  const settled = await ask(() => primary.settleAsOf(id, fence, outcome, atMs));
  if (settled.kind === "stale") tell({ kind: "spooled_too_late", queueId: id });
  await notes.unspool({ id, fence });
}

async function withdraw(
  { notes, primary, tell }: NoteTellerParts,
  ask: Ask,
  { id, provider }: Doubtful,
): Promise<void> {
  const isGone = await ask(() => primary.withdraw(id, provider));
  if (!isGone) tell({ kind: "judged_for_nobody", queueId: id });
  await notes.undoubt(id);
}
