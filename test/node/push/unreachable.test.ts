import { expect, it } from "vitest";
import { unreachableReceivers } from "../../../src/node/push/unreachable.ts";
import { parseConfig } from "../../../src/settings/config.ts";

const secret = (letter: string) => `whsec_${btoa(letter.repeat(32))}`;

function saidOf(url: string, allowPrivate: boolean) {
  const parsed = parseConfig(
    {
      WEBHOOK_URLS: `local/main=${url}`,
      WEBHOOK_CALLBACK_PREFIXES: `local/app=${url}`,
      WEBHOOK_SECRETS: `local/main=${secret("a")} local/app=${secret("b")}`,
      WEBHOOK_ALLOW_PRIVATE: String(allowPrivate),
      EVENTS_URL: url,
    },
    "node",
  );
  return parsed.ok ? unreachableReceivers(parsed.value) : parsed.error;
}

const notTheInternets = "has an address that is not the internet's";

it.each(["https://10.0.0.1/canary", "https://[fd00::1]/canary", "https://169.254.169.254/canary"])(
  "says of %s that nothing is sent there",
  (url) => {
    expect(saidOf(url, false)).toEqual([
      `WEBHOOK_URLS: local/main ${notTheInternets}, and WEBHOOK_ALLOW_PRIVATE is false: nothing is sent there`,
      `WEBHOOK_CALLBACK_PREFIXES: local/app ${notTheInternets}: nothing is sent there`,
      `EVENTS_URL ${notTheInternets}, and WEBHOOK_ALLOW_PRIVATE is false: nothing is sent there`,
    ]);
  },
);

it("with private receivers allowed, says it of prefixes alone, which they are not for", () => {
  expect(saidOf("https://10.0.0.1/canary", true)).toEqual([
    `WEBHOOK_CALLBACK_PREFIXES: local/app ${notTheInternets}: nothing is sent there`,
  ]);
  expect(saidOf("https://169.254.169.254/canary", true)).toEqual([
    "WEBHOOK_URLS: local/main has an address that is neither the internet's nor a private network's: nothing is sent there",
    `WEBHOOK_CALLBACK_PREFIXES: local/app ${notTheInternets}: nothing is sent there`,
    "EVENTS_URL has an address that is neither the internet's nor a private network's: nothing is sent there",
  ]);
});

it.each([
  "https://1.1.1.1/",
  "https://hooks.example/",
  "http://127.0.0.1:9000/",
  "https://localhost/",
  "http://[::1]/",
])("says nothing of %s", (url) => {
  expect([saidOf(url, false), saidOf(url, true)]).toEqual([[], []]);
});
