/** A ticket's transitions as the bus has them. */
import { cloudEventOf } from "../push/cloud-event.ts";
import type { RenderForBus } from "../push/bus.ts";
import { forAnybody, eventNotice } from "./notices.ts";

/** @param environment as in the settings */
export function busRenderer(environment: string): RenderForBus {
  return (ticket, transition) =>
    cloudEventOf(
      eventNotice(ticket, transition, forAnybody),
      ticket.about.id,
      transition.number,
      environment,
    );
}
