/** What takes secrets and other people's words out of what is told: the mask, the log, the stack. */
import { describe, expect, it } from "vitest";
import { createLog, type LogFields } from "../../src/telemetry/log.ts";
import { createMask } from "../../src/telemetry/mask.ts";
import { framesOf } from "../../src/telemetry/sentry.ts";

describe("the mask", () => {
  const mask = createMask(["secret", "secret-and-more", "", "canary=key+/"]);

  it.each([
    ["a secret and secret-and-more", "a [masked] and [masked]"],
    ["secretsecret", "[masked][masked]"],
    ["canary=key+/", "[masked]"],
    ["no one knows", "no one knows"],
    ["", ""],
    // Cut off by whoever shortened the text.
    ["it is secre", "it is [masked]"],
    ["it is secret-and-m", "it is [masked]"],
    ["it is sec", "it is sec"],
    ["sk-proj-abcdef and sk-a", "[masked] and sk-a"],
    ["Organization org-AbCd1234efgh, project proj_AbCd1234efgh", "Organization [masked], project [masked]"],
    ["has not been used in project 123456789012 before", "has not been used in [masked] before"],
    ["projects/123456789012/x, project_number:123456789012", "[masked]/x, [masked]"],
    ["an organisation of 12 projects", "an organisation of 12 projects"],
    ["Authorization: Bearer abc.def-1", "Authorization: [masked]"],
    ['{"a":"Bearer abc","b":1}', '{"a":"[masked]","b":1}'],
  ])("makes of %j: %j", (text, masked) => {
    expect(mask(text)).toBe(masked);
  });
});

const written = (fields: object, lowest: "debug" | "error" = "debug") => {
  const lines: string[] = [];
  createLog(
    lowest,
    (line) => lines.push(line),
    () => 0,
  )("info", "event", fields as LogFields);
  return lines;
};

describe("the log", () => {
  it("writes the fields it knows and no other", () => {
    expect(written({ status: 200, essay_a: "canary", tenant: null, route: undefined })).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"event","status":200,"tenant":null}',
    ]);
  });

  it("writes one line, however long and broken its values are", () => {
    const [line = ""] = written({
      model: `a\n${"x".repeat(10_000)}`,
      unknown_fields: Array(100).fill("y\n".repeat(1_000)),
    });
    expect(line).not.toContain("\n");
    const { model, unknown_fields } = JSON.parse(line) as { model: string; unknown_fields: string[] };
    expect([model.length, unknown_fields.length, unknown_fields[0]?.length]).toEqual([300, 50, 300]);
  });

  it("writes nothing below its level", () => {
    expect(written({}, "error")).toEqual([]);
  });
});

describe("the frames of a stack", () => {
  it("are all of its frames", () => {
    const frames = framesOf(new Error("words"));
    expect(frames.length).toBeGreaterThan(2);
    expect(frames[0]).toMatch(/^ +at .*redaction\.test\.ts:\d+:\d+\)?$/);
  });

  it("hold no line of the message, however much it looks like one", () => {
    expect(framesOf(new Error("canary\n    at canary (canary.ts:1:1)")).join()).not.toContain("canary");
  });

  it("are none where the message was changed, since it still stands in the stack", () => {
    const error = new Error("canary\n    at canary (canary.ts:1:1)");
    // V8 writes the stack down when it is first asked for.
    expect(error.stack).toContain("canary");
    error.message = "changed";
    expect(framesOf(error)).toEqual([]);
  });

  it.each([undefined, null, "    at canary (canary.ts:1:1)", { stack: "    at canary (canary.ts:1:1)" }])(
    "are none of what is no error: %j",
    (thrown) => expect(framesOf(thrown)).toEqual([]),
  );
});
