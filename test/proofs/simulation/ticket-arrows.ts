/** The drawing of a ticket (`src/domain/ticket/ticket.ts`), read off once more: which event leads from where to where. */
import type { Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";

export type Status = Ticket["state"]["status"];

export const arrows: Readonly<
  Record<TicketEvent["kind"], { from: readonly (Status | "none")[]; to: Status }>
> = {
  accepted: { from: ["none"], to: "queued" },
  started: { from: ["queued"], to: "processing" },
  returned: { from: ["processing"], to: "queued" },
  completed: { from: ["processing"], to: "completed" },
  failed: { from: ["processing"], to: "failed" },
  expired: { from: ["queued", "processing"], to: "expired" },
  cancelled: { from: ["queued", "processing"], to: "cancelled" },
};
/** In words, for the record of what happened. */
export function told(event: TicketEvent): string {
  switch (event.kind) {
    case "accepted":
    case "completed":
    case "expired":
      return event.kind;
    case "started":
      return `started ${event.asProbe ? "as a probe " : ""}with fence ${event.fence}`;
    case "returned":
      return `returned, ${event.why} ${event.reason ?? ""}`;
    case "cancelled":
      return `cancelled by its ${event.cancelledBy}`;
    case "failed":
      return `failed, ${event.reason}`;
  }
}
