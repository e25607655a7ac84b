/** What endpoints are to be told, as it is stored in Redis (docs/storage.md): a text for each delivery, sorted sets over them, and a hash of endpoints. */
import type { Delivery } from "../../../domain/push/delivery.ts";
import type { Endpoint } from "../../../domain/push/endpoint.ts";
import type { DeliveryTables } from "../../../engine/deliveries.ts";
import type { DeliveryPosition, EndpointName } from "../../../gateway/delivery-store.ts";
import { count, exactly, firstScore, list, read } from "./commands.ts";
import type { Run } from "./ticket-rows.ts";

/** So long rows outlive their ticket, so that what time brings finds them. */
const spareMs = 3_600_000;

/** A row that Redis has forgotten, for no process was there to tidy up, is taken out of the sets by whoever meets it. */
export function redisDeliveryTables(run: Run): DeliveryTables {
  const rows = deliveriesById(run);
  return { ...rows, ...endpointRows(run), ...deliveriesInOrder(run, rows.find) };
}

const fieldOf = ({ tenant, name }: EndpointName) => `${tenant}/${name}`;

function keysIn(root: string) {
  return {
    endpoints: `${root}push:endpoints`,
    delivery: (id: string) => `${root}push:delivery:${id}`,
    /** By when each is due. */
    due: (endpoint: string) => `${root}push:due:${endpoint}`,
    /** By when each lease is over. */
    sending: (endpoint: string) => `${root}push:sending:${endpoint}`,
    /** By when each ticket ended. */
    ofTenant: (tenant: string) => `${root}push:tenant:${tenant}`,
    /** All, by when each is forgotten. */
    over: `${root}push:over`,
  };
}

const tenantAndName = (delivery: Delivery): EndpointName => ({
  tenant: delivery.tenant,
  name: delivery.endpoint,
});

/** What is counted is counted where it stands: a row that Redis has forgotten is in no count. */
function endpointRows({
  root,
}: Run): Pick<DeliveryTables, "endpoint" | "endpoints" | "putEndpoint" | "removeEndpoint"> {
  const keys = keysIn(root);

  function endpointAt(name: string): Endpoint | null {
    const stored = read("HGET", keys.endpoints, name);
    if (stored === null) return null;
    const endpoint = cjson.decode(stored) as Endpoint;
    const sending = count("ZCARD", keys.sending(name));
    const pending = sending + count("ZCARD", keys.due(name));
    const { state } = endpoint;
    const isLost =
      state.status === "failing" && state.probe !== null && count("EXISTS", keys.delivery(state.probe)) === 0;
    return { ...endpoint, state: isLost ? { ...state, probe: null } : state, pending, sending };
  }

  return {
    endpoint: (of) => endpointAt(fieldOf(of)),
    endpoints() {
      const found: Endpoint[] = [];
      for (const name of list("HKEYS", keys.endpoints)) {
        const endpoint = endpointAt(name);
        if (endpoint !== null) found.push(endpoint);
      }
      return found;
    },
    putEndpoint(endpoint) {
      redis.call("HSET", keys.endpoints, fieldOf(endpoint), cjson.encode(endpoint));
    },
    removeEndpoint(of) {
      redis.call("HDEL", keys.endpoints, fieldOf(of));
    },
  };
}

function deliveriesById({ root, nowMs }: Run): Pick<DeliveryTables, "find" | "put" | "remove"> {
  const keys = keysIn(root);

  function find(id: string): Delivery | null {
    const stored = read("GET", keys.delivery(id));
    return stored === null ? null : (cjson.decode(stored) as Delivery);
  }

  return {
    find,
    put(delivery) {
      const { id, tenant, createdAtMs, forgetAtMs, state } = delivery;
      const endpoint = fieldOf(tenantAndName(delivery));
      const keptMs = Math.max(1, Math.ceil(forgetAtMs - nowMs) + spareMs);
      redis.call("SET", keys.delivery(id), cjson.encode(delivery), "PX", exactly(keptMs));
      if (state.status === "due") add(keys.due(endpoint), state.dueMs, id, keptMs);
      else redis.call("ZREM", keys.due(endpoint), id);
      if (state.status === "sending") add(keys.sending(endpoint), state.leaseEndsAtMs, id, keptMs);
      else redis.call("ZREM", keys.sending(endpoint), id);
      const isNew = add(keys.ofTenant(tenant), createdAtMs, id, keptMs);
      if (isNew) add(keys.over, forgetAtMs, `${id} ${endpoint}`, keptMs);
    },
    remove(id) {
      const delivery = find(id);
      if (delivery === null) return;
      const endpoint = fieldOf(tenantAndName(delivery));
      redis.call("DEL", keys.delivery(id));
      redis.call("ZREM", keys.due(endpoint), id);
      redis.call("ZREM", keys.sending(endpoint), id);
      redis.call("ZREM", keys.ofTenant(delivery.tenant), id);
      redis.call("ZREM", keys.over, `${id} ${endpoint}`);
    },
  };
}

/** To a sorted set, which is kept as long as anything in it. @returns false: it was there, and stands elsewhere now */
function add(key: string, score: number, member: string, keptMs: number): boolean {
  const isNew = count("ZADD", key, exactly(score), member) === 1;
  if (isNew && count("PTTL", key) < keptMs) redis.call("PEXPIRE", key, exactly(keptMs));
  return isNew;
}

function deliveriesInOrder(
  { root }: Run,
  find: DeliveryTables["find"],
): Pick<
  DeliveryTables,
  "due" | "dueLater" | "firstDueMs" | "lapsed" | "firstLapseMs" | "over" | "firstOverMs" | "page"
> {
  const keys = keysIn(root);
  const names = () => list("HKEYS", keys.endpoints);

  /** @param most at least 1, or there are none */
  function within(key: string, from: string, to: string, most: number): Delivery[] {
    const found: Delivery[] = [];
    if (most < 1) return found;
    for (const id of list("ZRANGEBYSCORE", key, from, to, "LIMIT", 0, most)) {
      const delivery = find(id);
      if (delivery === null) redis.call("ZREM", key, id);
      else found.push(delivery);
    }
    return found;
  }

  return {
    due: (of, nowMs, most) => within(keys.due(fieldOf(of)), "-inf", exactly(nowMs), most),
    dueLater: (of, nowMs, most) => within(keys.due(fieldOf(of)), `(${exactly(nowMs)}`, "+inf", most),
    firstDueMs: (of) => firstScore(keys.due(fieldOf(of))),
    lapsed(nowMs, most) {
      const found: Delivery[] = [];
      for (const name of names())
        found.push(...within(keys.sending(name), "-inf", exactly(nowMs), most - found.length));
      return found;
    },
    firstLapseMs() {
      let first: number | null = null;
      for (const name of names()) {
        const atMs = firstScore(keys.sending(name));
        if (atMs !== null && (first === null || atMs < first)) first = atMs;
      }
      return first;
    },
    over(nowMs, most) {
      const found: Delivery[] = [];
      for (const member of list("ZRANGEBYSCORE", keys.over, "-inf", exactly(nowMs), "LIMIT", 0, most)) {
        const [id = "", endpoint = ""] = member.split(" ");
        const delivery = find(id);
        if (delivery !== null) {
          found.push(delivery);
          continue;
        }
        const [tenant = ""] = endpoint.split("/");
        redis.call("ZREM", keys.over, member);
        redis.call("ZREM", keys.ofTenant(tenant), id);
        redis.call("ZREM", keys.due(endpoint), id);
        redis.call("ZREM", keys.sending(endpoint), id);
      }
      return found;
    },
    firstOverMs: () => firstScore(keys.over),
    page: (tenant, after, most) => pageOf(keys.ofTenant(tenant), after, most, find),
  };
}

function pageOf(
  key: string,
  after: DeliveryPosition | null,
  most: number,
  find: DeliveryTables["find"],
): Delivery[] {
  const from = after === null ? "+inf" : exactly(after.createdAtMs);
  const found: Delivery[] = [];
  for (let offset = 0; ; offset += most) {
    const ids = list("ZRANGE", key, from, "-inf", "BYSCORE", "REV", "LIMIT", offset, most);
    for (const id of ids) {
      const delivery = find(id);
      // Of the same moment some stand before the position.
      if (delivery === null || (after !== null && !isBehind(delivery, after))) continue;
      found.push(delivery);
      if (found.length === most) return found;
    }
    if (ids.length < most) return found;
  }
}

function isBehind(delivery: Delivery, after: DeliveryPosition): boolean {
  return (
    delivery.createdAtMs < after.createdAtMs ||
    (delivery.createdAtMs === after.createdAtMs && delivery.id < after.id)
  );
}
