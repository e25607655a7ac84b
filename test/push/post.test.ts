import { expect, it } from "vitest";
import { reachOf } from "../../src/push/post.ts";

it.each([
  ["https://hooks.example/", false, "public"],
  ["https://hooks.example/", true, "private"],
  ["https://10.0.0.1/", false, "public"],
  ["http://127.0.0.1:9000/", false, "loopback"],
  ["http://[::1]:9000/", false, "loopback"],
  ["http://localhost/", false, "loopback"],
  ["http://localhost./", false, "public"],
  ["http://127.0.0.1:9000/", true, "private"],
  ["http://[::ffff:127.0.0.1]/", false, "public"],
] as const)("%s with private receivers allowed: %j, may reach what is %s", (url, allowPrivate, reach) => {
  expect(reachOf(url, allowPrivate)).toBe(reach);
});
