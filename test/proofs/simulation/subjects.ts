/** Who asks in a simulated world, and for what: what stands in an essay, so that a vendor can see it there. */

export const tenants = ["one", "two", "three"] as const;

/** Begins an essay. */
export function signed(number: number, tenant: string): string {
  return `Essay one of ${number} by ${tenant}.`;
}

/** @param user what a judge is sent */
export function signatureIn(user: string): { readonly number: number; readonly tenant: string } {
  const [, number, tenant = ""] = /Essay one of (\d+) by (\w+)\./.exec(user) ?? [];
  return { number: Number(number), tenant };
}

/** Names of models that no account has got. */
export const unknownModel = "no-such-model";
/** Names of models that are refused to our account until the world has healed. */
export const gatedModel = "gated-model";
