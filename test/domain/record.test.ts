import { expect, it } from "vitest";
import { decodeRecord } from "../../src/domain/record.ts";

interface Third {
  readonly version: 3;
  readonly name: string;
}
const raise = [
  (older: unknown) => ({ ...(older as object), version: 2, first: "a" }),
  (older: unknown) => ({ version: 3, name: (older as { first: string }).first }),
];

it.each([
  [
    "of the present version as it is",
    { version: 3, name: "x" },
    { kind: "known", value: { version: 3, name: "x" } },
  ],
  ["an older one, raised step by step", { version: 1 }, { kind: "known", value: { version: 3, name: "a" } }],
  [
    "a half-old one, from its own version on",
    { version: 2, first: "b" },
    { kind: "known", value: { version: 3, name: "b" } },
  ],
  ["a newer one as newer, to be waited for", { version: 4 }, { kind: "newer", version: 4 }],
])("reads a record %s", (_, stored, decoded) => {
  expect(decodeRecord<Third>(stored, 3, raise)).toEqual(decoded);
});

it.each([
  null,
  undefined,
  7,
  "x",
  [],
  {},
  { version: "3" },
  { version: 0 },
  { version: 1.5 },
  { version: 1 },
])("calls %j unreadable, never guessed, where no step leads from it", (stored) => {
  expect(decodeRecord<Third>(stored, 3)).toEqual({ kind: "unreadable" });
});
