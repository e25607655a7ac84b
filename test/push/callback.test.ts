import { expect, it } from "vitest";
import { prefixOf } from "../../src/push/callback.ts";

const prefix = (name: string, url: string, tenant = "one") => ({ tenant, name, url: new URL(url).href });
const hooks = prefix("hooks", "https://app.example/hooks");
const folder = prefix("folder", "https://app.example/in/");
const whole = prefix("whole", "https://whole.example");
const port = prefix("port", "https://port.example:8443/a");
const idn = prefix("idn", "https://bücher.example/");
const local = prefix("local", "http://127.0.0.1:9000/hook");
const all = [hooks, folder, whole, port, idn, local];

it.each([
  ["https://app.example/hooks", "hooks"],
  ["https://app.example/hooks/", "hooks"],
  ["https://app.example/hooks/9b?pair=1&next=https://evil.example/", "hooks"],
  ["https://app.example/hooks?pair=1", "hooks"],
  ["https://app.example:443/hooks", "hooks"],
  ["HTTPS://APP.Example/hooks/x", "hooks"],
  ["https://app.example/other/../hooks/x", "hooks"],
  ["https://app.example/hooks/a%20b/%C3%A9/..x/x..y", "hooks"],
  ["https://app.example/in/", "folder"],
  ["https://app.example/in/x", "folder"],
  ["https://whole.example", "whole"],
  ["https://whole.example?a", "whole"],
  ["https://whole.example/any/thing", "whole"],
  ["https://port.example:8443/a/b", "port"],
  ["https://BÜCHER.example/x", "idn"],
  ["https://xn--bcher-kva.example/x", "idn"],
  ["http://127.0.0.1:9000/hook/1", "local"],
  ["http://2130706433:9000/hook", "local"],
])("%s is under a prefix: %s", (url, name) => {
  expect(prefixOf(url, "one", all)).toBe(name);
});

it.each([
  // Another path: of one that only begins alike, and by dots that are resolved.
  "https://app.example/",
  "https://app.example/hooksx",
  "https://app.example/hooks-other/x",
  "https://app.example/Hooks",
  "https://app.example/in",
  "https://app.example/hooks/../admin",
  "https://app.example/hooks/%2e%2e/admin",
  "https://app.example/hooks/.%2E/admin",
  "https://app.example//hooks/x",
  // What a receiver may unescape, and then takes for another path.
  "https://app.example/hooks/..%2fadmin",
  "https://app.example/hooks/..%2Fadmin",
  "https://app.example/hooks/..%5cadmin",
  "https://app.example/hooks/%252e%252e/admin",
  "https://app.example/hooks/..%252fadmin",
  "https://app.example/hooks/..;/admin",
  "https://app.example/hooks/..;a=b/admin",
  "https://app.example/hooks/%2e%2e;/admin",
  "https://app.example/hooks/x%00.png",
  "https://app.example/%68ooks",
  // Another host, scheme or port.
  "https://app.example.evil.example/hooks",
  "https://evil.example/hooks",
  "https://evil.example/https://app.example/hooks",
  "https://evil.example?https://app.example/hooks",
  "https://sub.app.example/hooks",
  "https://app.example./hooks",
  "https://app.example:8443/hooks",
  "https://app.example:0443/hooks/#",
  "https://port.example/a",
  "https://port.example:443/a",
  "http://app.example/hooks",
  "http://app.example:443/hooks",
  "https://127.0.0.1:9000/hook",
  "http://localhost:9000/hook",
  "http://127.0.0.2:9000/hook",
  "http://[::ffff:127.0.0.1]:9000/hook",
  // Whoever stands before an @ is no host.
  "https://app.example@evil.example/hooks",
  "https://app.example:443@evil.example/hooks",
  "https://user@app.example/hooks",
  "https://user:secret@app.example/hooks",
  "https://:secret@app.example/hooks",
  "https://app.example%2f@evil.example/hooks",
  "https://app.example%40evil.example/hooks",
  // Characters that are dropped or turned into others when it is parsed.
  String.raw`https://evil.example\@app.example/hooks`,
  String.raw`https://app.example\hooks`,
  String.raw`https:\\app.example\hooks`,
  String.raw`https://app.example/hooks\..\admin`,
  " https://app.example/hooks",
  "https://app.example/hooks ",
  "https://app.exa\tmple/hooks",
  "https://app.example/ho\noks",
  "https://app.example/hooks\u0000",
  "https://app.example/hooks/\u200b",
  "https://app\u00ad.example/hooks",
  "https://app.example/hooks/\u202egpj",
  "https://app.example/hooks#fragment",
  "https://app.example/hooks#",
  // Nothing that is sent to.
  "",
  "/hooks",
  "//app.example/hooks",
  "https:app.example/hooks",
  "https:/app.example/hooks",
  "app.example/hooks",
  "javascript:alert(1)//https://app.example/hooks",
  "data:,https://app.example/hooks",
  "file:///hooks",
  "blob:https://app.example/hooks",
  "wss://app.example/hooks",
  "https://",
  `https://app.example/hooks/${"x".repeat(2_048)}`,
])("%j is under none", (url) => {
  expect(prefixOf(url, "one", all)).toBeNull();
});

it("takes a URL of 2,048 characters, and none of 2,049", () => {
  const url = (length: number) => "https://app.example/hooks/".padEnd(length, "x");
  expect(prefixOf(url(2_048), "one", all)).toBe("hooks");
  expect(prefixOf(url(2_049), "one", all)).toBeNull();
});

it("lets no tenant send under another one's prefix", () => {
  const both = [
    hooks,
    prefix("theirs", "https://their.example/", "two"),
    prefix("same", "https://app.example/", "two"),
  ];
  expect(prefixOf("https://their.example/x", "one", both)).toBeNull();
  expect(prefixOf("https://their.example/x", "two", both)).toBe("theirs");
  expect(prefixOf("https://app.example/x", "one", both)).toBeNull();
  expect(prefixOf("https://app.example/hooks", "three", both)).toBeNull();
});

it("takes the longest of several prefixes, in whatever order they are given", () => {
  const nested = [
    prefix("all", "https://app.example/"),
    prefix("deep", "https://app.example/hooks/staging"),
    hooks,
  ];
  for (const given of [nested, nested.toReversed()]) {
    expect(prefixOf("https://app.example/hooks/staging/1", "one", given)).toBe("deep");
    expect(prefixOf("https://app.example/hooks/stagings", "one", given)).toBe("hooks");
    expect(prefixOf("https://app.example/x", "one", given)).toBe("all");
  }
});
