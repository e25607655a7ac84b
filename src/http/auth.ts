/** Who is asking? */
import type { Config } from "../settings/config.ts";
import { loopbackTenant } from "../settings/tenants.ts";
import type { Sha256 } from "../gateway/ports.ts";

/**
 * @param header the `Authorization` header
 * @param isLocal where no keys are set: does the request come from this machine's own?
 * @returns the tenant; `null` for a stranger
 */
export async function authenticate(
  header: string | undefined,
  access: Config["access"],
  isLocal: () => boolean,
  sha256: Sha256,
): Promise<string | null> {
  if (access.kind === "loopback") return isLocal() ? loopbackTenant : null;
  const key = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (key === undefined) return null;
  const hash = await sha256(key);
  let tenant: string | null = null;
  // Every hash is compared to its end, so that the time taken says nothing about which was how near.
  for (const known of access.keys) if (equalInConstantTime(known.sha256, hash)) tenant = known.tenant;
  return tenant;
}

export function equalInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
