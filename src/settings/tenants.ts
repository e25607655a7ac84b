/** What tenants may be called. */

/** The tenant of everyone where no keys are set. */
export const loopbackTenant = "local";

/** True for what may name a tenant: 1 to 64 of A–Z, a–z, 0–9, dot, underscore and dash. */
export function isTenantName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(name);
}
