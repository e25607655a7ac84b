/** `npm run webhook -- TENANT/NAME URL`: the settings' entries for a receiver of webhooks, with a fresh secret. It is kept nowhere. */
import { randomBytes } from "node:crypto";
import { endpointList } from "../settings/push-settings.ts";
import { isUnencrypted } from "../settings/rules.ts";

const [name = "", url = "", ...more] = process.argv.slice(2);
const entry = `${name}=${url}`;
const isOne = !/\s/.test(entry) && endpointList().safeParse(entry).success;
// A tenant may be called `--help`, but whoever types that wants help.
if (!isOne || name.startsWith("-") || more.length > 0) {
  process.exitCode = 2;
  process.stderr.write(`Usage: npm run webhook -- TENANT/NAME URL
TENANT is as in API_KEYS; without API_KEYS it is local. NAME is the receiver's, once for each tenant. Both are 1 to 64 characters out of
A-Z a-z 0-9 . _ - and TENANT has no dash at its start. URL is where its webhooks go, or what a callback_url may begin with: https:// (http:// to
this machine), without user, password or fragment.
`);
} else {
  process.stdout
    .write(`Its entry in WEBHOOK_URLS, or in WEBHOOK_CALLBACK_PREFIXES where comparisons name the rest of it (entries are separated by blanks):
${entry}

Its entry in WEBHOOK_SECRETS. The secret begins with whsec_; the receiver verifies with it. It is not shown again:
${name}=whsec_${randomBytes(32).toString("base64")}

To replace a secret, put the new entry before the old one. Both sign until the old one is taken out.
${isUnencrypted(url) ? "\nhttp:// to another machine needs WEBHOOK_ALLOW_PRIVATE=true.\n" : ""}`);
}
