/** Whose addresses are whose. */
import ipaddr from "ipaddr.js";
import type { Reach } from "../../push/post.ts";

type Range = ReturnType<ReturnType<typeof ipaddr.parse>["range"]>;

/** What networks give out among themselves, and this machine. */
const privateRanges: readonly Range[] = ["private", "carrierGradeNat", "uniqueLocal", "loopback"];

/** @param address in any form that is one; what is none may not be reached */
export function mayReach(address: string, reach: Reach): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  switch (reach) {
    case "public":
      return isPublic(parsed, range);
    case "loopback":
      return range === "loopback";
    case "private":
      return isPublic(parsed, range) || privateRanges.includes(range);
  }
}

/** `unicast` is what has no other name, so also space that nobody was given: of IPv6 the internet has 2000::/3. Addresses with an IPv4 address in them are none. */
function isPublic(address: ReturnType<typeof ipaddr.parse>, range: Range): boolean {
  return range === "unicast" && (address.kind() === "ipv4" || address.match(internet));
}

const internet = ipaddr.parseCIDR("2000::/3");
