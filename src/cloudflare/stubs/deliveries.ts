/** What a tenant's endpoints are told, as asked of the index that has it. */
import type {
  DeliveryPage,
  EndpointChange,
  EndpointHealth,
  Redelivered,
} from "../../gateway/delivery-store.ts";
import type { AskedDeliveries } from "../../push/webhooks.ts";
import type { Environment } from "../environment.ts";
import { askIndex } from "./tenant-index.ts";

/** @throws {StoreAway} from every verb */
export function remoteDeliveries(env: Environment, tenant: string): AskedDeliveries {
  return {
    health: (endpoints) =>
      askIndex<readonly EndpointHealth[]>(env, tenant, (index) => index.endpointHealth(endpoints)),
    page: (query) => askIndex<DeliveryPage>(env, tenant, (index) => index.deliveries(query)),
    redeliver: (_tenant, id) => askIndex<Redelivered>(env, tenant, (index) => index.redeliver(tenant, id)),
    testedWell: (endpoint) =>
      askIndex<EndpointChange | null>(env, tenant, (index) => index.testedWell(endpoint)),
  };
}
