/** How a gate knows a tenant and a model: by hashes, so that its small state holds nobody's name. */
import type { Weights } from "../domain/shares.ts";
import { hashedKey, isOwnKey } from "../domain/gate/model-key.ts";
import type { Ports } from "./ports.ts";

export interface GateKeys {
  /** 16 hex digits. */
  readonly tenant: string;
  /** See `isOwnKey`. */
  readonly model: string;
}

/** As `createKeysOf` names tenants. */
export async function weightsByKey(weights: Weights, sha256: Ports["sha256"]): Promise<Weights> {
  const entries = Object.entries(weights).map(
    async ([tenant, weight]) => [keyIn(await sha256(nameOf(tenant))), weight] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

function nameOf(tenant: string): string {
  return `tenant ${tenant}`;
}

function keyIn(hash: string): string {
  return hash.slice(0, 16);
}

/** Tenants are few; callers name models freely. */
const mostKept = 200;

/** Hashes are kept: they cost a turn of the event loop where they are made asynchronously. */
export function createKeysOf(sha256: Ports["sha256"]): (tenant: string, model: string) => Promise<GateKeys> {
  const kept = new Map<string, string>();

  async function hashOf(text: string): Promise<string> {
    const known = kept.get(text);
    if (known !== undefined) return known;
    const hash = await sha256(text);
    if (kept.size >= mostKept) kept.clear();
    kept.set(text, hash);
    return hash;
  }

  return async (tenant, model) => ({
    tenant: keyIn(await hashOf(nameOf(tenant))),
    model: isOwnKey(model) ? model : hashedKey(await hashOf(`model ${model}`)),
  });
}
