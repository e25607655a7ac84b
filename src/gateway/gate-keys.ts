/** How a gate knows a tenant and a model: by hashes, so that its small state holds nobody's name. */
import { hashedKey, isOwnKey } from "../domain/gate/model-key.ts";
import type { Ports } from "./ports.ts";

export interface GateKeys {
  /** 16 hex digits. */
  readonly tenant: string;
  /** See `isOwnKey`. */
  readonly model: string;
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
    tenant: (await hashOf(`tenant ${tenant}`)).slice(0, 16),
    model: isOwnKey(model) ? model : hashedKey(await hashOf(`model ${model}`)),
  });
}
