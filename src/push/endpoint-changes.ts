/** What operators hear of an endpoint. */
import type { EndpointChange } from "../gateway/delivery-store.ts";
import type { Tell } from "../telemetry/events.ts";

export function tellChange(tell: Tell, { tenant, name, change, because }: EndpointChange): void {
  switch (change) {
    case "failing":
      return tell({ kind: "webhook_failing", tenant, endpoint: name });
    case "off":
      return tell({ kind: "webhook_off", tenant, endpoint: name, reason: because ?? "silent" });
    case "on":
      return tell({ kind: "webhook_on", tenant, endpoint: name });
  }
}
