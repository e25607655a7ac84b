/** `npm run key -- NAME`: a new key for a tenant. It is shown once and kept nowhere; the service knows only its hash. */
import { createHash, randomBytes } from "node:crypto";
import { isTenantName } from "../settings/tenants.ts";

const [tenant = "", ...more] = process.argv.slice(2);
// A tenant may be called `--help`, but whoever types that wants help.
if (!isTenantName(tenant) || tenant.startsWith("-") || more.length > 0) {
  process.exitCode = 2;
  process.stderr.write(`Usage: npm run key -- NAME
NAME is the tenant's: 1 to 64 characters out of A-Z a-z 0-9 . _ - and no dash at its start.
`);
} else {
  const key = `lps_${randomBytes(32).toString("base64url")}`;
  const sha256 = createHash("sha256").update(key).digest("hex");
  process.stdout.write(`The key, for the client (Authorization: Bearer KEY). It is not shown again:
${key}

Its entry in API_KEYS, for the service (entries are separated by commas):
${tenant}:${sha256}
`);
}
