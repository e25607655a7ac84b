/** Two tenants with a key each: `one` and `two`. */
import { createHash } from "node:crypto";

const keyOf = (tenant: string) => `lps_key-of-${tenant}`;

/** The setting. */
export const API_KEYS = ["one", "two"]
  .map((tenant) => `${tenant}:${createHash("sha256").update(keyOf(tenant)).digest("hex")}`)
  .join();

/** What a request of that tenant is sent with, beside further headers. */
export function as(tenant: "one" | "two", headers: Readonly<Record<string, string>> = {}) {
  return { headers: { authorization: `Bearer ${keyOf(tenant)}`, ...headers } };
}
