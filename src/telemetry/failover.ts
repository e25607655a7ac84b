/** What whoever runs the service should learn of the failover between two stores, and how the log tells it. */
import type { Log } from "./log.ts";

export type FailoverEvent =
  | { readonly kind: "store_away" }
  | { readonly kind: "store_back" }
  /** What of the primary store's settings breaks a promise, a sentence each, where that has changed. */
  | { readonly kind: "store_warnings"; readonly warnings: readonly string[] }
  /** So many tickets have moved to the primary store. */
  | { readonly kind: "tickets_moved"; readonly count: number }
  /** A judgement that was kept while the store was away came too late: the ticket is judged again, or was. */
  | { readonly kind: "spooled_too_late" }
  /** A ticket that nobody was told of had been worked on before it could be withdrawn. */
  | { readonly kind: "judged_for_nobody" };

export function logFailover(log: Log, event: FailoverEvent): void {
  switch (event.kind) {
    case "store_away":
    case "spooled_too_late":
    case "judged_for_nobody":
      return log("warn", event.kind, {});
    case "store_back":
      return log("info", event.kind, {});
    case "tickets_moved":
      return log("info", event.kind, { count: event.count });
    case "store_warnings":
      return log("warn", event.kind, { warnings: event.warnings });
  }
}
