/** Two operators: `ops` may act, `reader` may only look. */
import { createHash } from "node:crypto";

const keyOf = (operator: string) => `lps_key-of-operator-${operator}`;
const hashOf = (operator: string) => createHash("sha256").update(keyOf(operator)).digest("hex");

/** The setting. */
export const OPERATOR_KEYS = `ops:${hashOf("ops")},reader:${hashOf("reader")}!read`;

/** What a request of that operator is sent with, beside what else it has. */
export function asOperator(operator: "ops" | "reader", init: RequestInit = {}) {
  return { ...init, headers: { authorization: `Bearer ${keyOf(operator)}`, ...(init.headers as object) } };
}

/** Likewise by HTTP Basic. */
export function byBasic(operator: "ops" | "reader", headers: Readonly<Record<string, string>> = {}) {
  return { authorization: `Basic ${btoa(`${operator}:${keyOf(operator)}`)}`, ...headers };
}
