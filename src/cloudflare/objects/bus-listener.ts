/** The bus as one who listens to a ticket: it is told every event, in order, by the ticket's own object. */
import type { TicketListener } from "../../engine/ticket-listeners.ts";
import { busOf } from "../bus.ts";
import { clock } from "../clock.ts";
import type { Environment } from "../environment.ts";
import { cursorIn, eventsIn } from "./ticket-row.ts";

/** Told in one go. */
const batch = 100;
/** Whoever asks after a ticket would have it told anew. */
const restMs = 5_000;

/** @returns none where there is no bus */
export function busListener(env: Environment, storage: DurableObjectStorage): readonly TicketListener[] {
  const bus = busOf(env);
  if (bus === null) return [];
  const cursor = cursorIn(storage, "bus");
  let failedAtMs = -Infinity;

  return [
    {
      ...cursor,
      isUnhurried: true,
      isMissing: ({ progress }, heard) => heard < progress.events,
      async tell(ticket) {
        if (clock.nowMs() - failedAtMs < restMs) throw new Error("the bus was away a moment ago");
        const heard = cursor.heard();
        const untold = eventsIn(storage.sql).filter(
          ({ number }) => number > heard && number <= ticket.progress.events,
        );
        try {
          for (let at = 0; at < untold.length; at += batch)
            await bus.send(untold.slice(at, at + batch).map((event) => bus.render(ticket, event)));
        } catch (error) {
          failedAtMs = clock.nowMs();
          throw error;
        }
      },
    },
  ];
}
