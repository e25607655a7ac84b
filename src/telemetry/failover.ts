/** What whoever runs the service should learn of the failover between two stores, and how the log tells it. */
import type { Log } from "./log.ts";

/** What is the matter with a store, as `StoreTrouble` of the ports has it. */
interface StoreTrouble {
  readonly error: string;
  readonly code: string;
}

export type FailoverEvent =
  /** The primary store; told again where what is the matter has changed. */
  | { readonly kind: "store_away"; readonly trouble: StoreTrouble | null }
  | { readonly kind: "store_back" }
  /** The primary store is there, but takes nothing new. */
  | { readonly kind: "store_refuses"; readonly trouble: StoreTrouble }
  | { readonly kind: "store_accepts" }
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
      return log("warn", event.kind, { store: "redis", ...(event.trouble && troubleFields(event.trouble)) });
    case "store_refuses":
      return log("warn", event.kind, { store: "redis", ...troubleFields(event.trouble) });
    case "store_accepts":
      return log("info", event.kind, { store: "redis" });
    case "spooled_too_late":
    case "judged_for_nobody":
      return log("warn", event.kind, {});
    case "store_back":
      return log("info", event.kind, { store: "redis" });
    case "tickets_moved":
      return log("info", event.kind, { count: event.count });
    case "store_warnings":
      return log("warn", event.kind, { warnings: event.warnings });
  }
}

/** Of the store of this process alone. @param trouble `null`: nothing is the matter any more */
export function logLocalStore(log: Log, store: string, trouble: StoreTrouble | null): void {
  if (trouble === null) log("info", "store_accepts", { store });
  else log("error", "store_refuses", { store, ...troubleFields(trouble) });
}

function troubleFields({ error, code }: StoreTrouble) {
  return { failure: error, failure_code: code };
}
