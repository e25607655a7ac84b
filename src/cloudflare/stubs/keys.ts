/** Records of keyed requests, each in a Durable Object, as asked from elsewhere. */
import type { Begun } from "../../domain/idempotency.ts";
import type { Keys } from "../../gateway/ports.ts";
import { askObject } from "./ask-object.ts";
import type { Environment } from "../environment.ts";
import type { KeyObject } from "../objects/key-object.ts";

/** The store of keyed requests. Whatever goes wrong is `StoreAway`. */
export function remoteKeys(env: Environment): Keys {
  return {
    begin: (name, requestSha256, queueId, leaseMs) =>
      askObject<KeyObject, Begun>(env.KEY_OBJECTS, name, (key) => key.begin(requestSha256, queueId, leaseMs)),
    end: (name, fence, end) =>
      askObject<KeyObject, boolean>(env.KEY_OBJECTS, name, (key) => key.end(fence, end)),
  };
}
