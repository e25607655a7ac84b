import { describe } from "vitest";
import { remoteKeys } from "../../../src/cloudflare/stubs/keys.ts";
import { testKeys, type KeysUnderTest } from "../../contracts/keys.ts";
import { asIs, env, evictAll, freshWorld, isStored, withEvictions } from "../objects.ts";

function keysWith(wrap: <Verbs extends object>(verbs: Verbs) => Verbs) {
  return async (): Promise<KeysUnderTest> => {
    const { advance, nowMs } = await freshWorld();
    return { keys: wrap(remoteKeys(env)), nowMs, advance, restart: evictAll, holds: isStored };
  };
}

describe("keys in Durable Objects", () => {
  testKeys(keysWith(asIs));
});

describe("keys in objects that are evicted before every call", () => {
  testKeys(keysWith(withEvictions));
});
