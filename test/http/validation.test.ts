/** What a comparison may be: both sides of every edge, and what is said of what is wrong. */
import { describe, expect, it } from "vitest";
import { goodBody, post, type Answered } from "../support/answers.ts";
import { testService } from "../support/service.ts";

type Issues = readonly { readonly path: string; readonly message: string }[];
const pathsOf = ({ body }: Answered) => ((body["issues"] ?? []) as Issues).map(({ path }) => path);
const overrides = (changes: object) => ({ llm_config_overrides: changes });

describe("the edges", () => {
  const accepted: readonly (readonly [string, object])[] = [
    ["one character each", { user_prompt: "?", essay_a: "a", essay_b: "b" }],
    ["the longest prompt", { user_prompt: "p".repeat(20_000) }],
    ["the longest essays", { essay_a: "a".repeat(200_000), essay_b: "b".repeat(200_000) }],
    ["the longest prompt of pairs", { user_prompt: "😀".repeat(10_000) }],
    ["blanks", { user_prompt: " ", essay_a: "\n", essay_b: "\u0000" }],
    ["temperature 0", overrides({ temperature_override: 0 })],
    ["temperature 2", overrides({ temperature_override: 2 })],
    ["one token", overrides({ max_tokens_override: 1 })],
    ["priority 0", { priority: 0 }],
    ["priority 10", { priority: 10 }],
    ["an empty user id", { user_id: "" }],
    ["empty metadata", { metadata: {} }],
    ["a system prompt of one character", overrides({ system_prompt_override: "." })],
    ["what is no file", { essay_a: "PK, he wrote, {rtf} % PDF-", essay_b: " %PDF-1.7" }],
    ["each placeholder once", { user_prompt: "{essay_b} or {essay_a}?" }],
    ["placeholders inside an essay", { essay_a: "{essay_b}{essay_b}{essay_a}{essay_a}" }],
    ["a model's longest name", overrides({ model_override: "m".repeat(200) })],
    ["the first and the last character of a model's name", overrides({ model_override: "!~" })],
    ["the longest user id", { user_id: "é".repeat(255) }],
    ["the longest user id of pairs", { user_id: `${"😀".repeat(127)}!` }],
    ["whole pairs, and what only looks like an escape", { essay_a: "😀 \\ud800 U+D800" }],
  ];
  it.each(accepted)("takes %s", async (_, changes) => {
    expect((await testService().compare(changes)).status).toBe(200);
  });

  const refused: readonly (readonly [string, object])[] = [
    ["user_prompt", { user_prompt: "" }],
    ["user_prompt", { user_prompt: "p".repeat(20_001) }],
    ["user_prompt", { user_prompt: `${"😀".repeat(10_000)}!` }],
    ["user_prompt", { user_prompt: undefined }],
    ["user_prompt", { user_prompt: null }],
    ["user_prompt", { user_prompt: ["p"] }],
    ["user_prompt", { user_prompt: "{essay_a} {essay_a}" }],
    ["user_prompt", { user_prompt: "{essay_b} {essay_b} {essay_b}" }],
    ["essay_a", { essay_a: "" }],
    ["essay_a", { essay_a: "a".repeat(200_001) }],
    ["essay_a", { essay_a: undefined }],
    ["essay_b", { essay_b: "" }],
    ["essay_b", { essay_b: "b".repeat(200_001) }],
    ["essay_b", { essay_b: 7 }],
    ["llm_config_overrides", overrides([])],
    ["llm_config_overrides", { llm_config_overrides: "openai" }],
    ["llm_config_overrides.provider_override", overrides({ provider_override: "OpenAI" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "m".repeat(201) })],
    ["llm_config_overrides.model_override", overrides({ model_override: "gpt 6" })],
    ["llm_config_overrides.model_override", overrides({ model_override: " gpt-6" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "gpt-6\n" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "gpt-6\u007f" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "gpt‑6" })],
    ["llm_config_overrides.model_override", overrides({ model_override: "😀" })],
    ["llm_config_overrides.temperature_override", overrides({ temperature_override: -0.001 })],
    ["llm_config_overrides.temperature_override", overrides({ temperature_override: 2.001 })],
    ["llm_config_overrides.temperature_override", overrides({ temperature_override: "1" })],
    ["llm_config_overrides.system_prompt_override", overrides({ system_prompt_override: 1 })],
    ["llm_config_overrides.system_prompt_override", overrides({ system_prompt_override: "" })],
    ["llm_config_overrides.system_prompt_override", overrides({ system_prompt_override: " \n\t\u00a0" })],
    ["llm_config_overrides.max_tokens_override", overrides({ max_tokens_override: 0 })],
    ["llm_config_overrides.max_tokens_override", overrides({ max_tokens_override: 1.5 })],
    ["llm_config_overrides.max_tokens_override", overrides({ max_tokens_override: "100" })],
    ["llm_config_overrides.reasoning_effort", overrides({ reasoning_effort: "extreme" })],
    ["processing_mode", { processing_mode: "later" }],
    ["priority", { priority: -1 }],
    ["priority", { priority: 11 }],
    ["priority", { priority: 1.5 }],
    ["priority", { priority: "5" }],
    ["correlation_id", { correlation_id: "12345" }],
    ["correlation_id", { correlation_id: "" }],
    ["user_id", { user_id: 7 }],
    ["user_id", { user_id: "u".repeat(256) }],
    ["user_id", { user_id: "😀".repeat(128) }],
    ["user_prompt", { user_prompt: "half \ud800" }],
    ["essay_a", { essay_a: "\udc00 half" }],
    ["essay_b", { essay_b: "\ude00\ud83d turned round" }],
    ["user_id", { user_id: "\udbff" }],
    ["llm_config_overrides.system_prompt_override", overrides({ system_prompt_override: "\udfff" })],
    ["metadata.list.1.text", { metadata: { list: ["😀", { text: "\ud83d" }] } }],
    ["metadata.half \ufffd", { metadata: { "half \ud83d": 1 } }],
    ["unknown.0", { unknown: ["\ud800"] }],
    ["metadata", { metadata: [] }],
    ["metadata", { metadata: "text" }],
  ];
  it.each(refused.map(([path, changes]) => [path, JSON.stringify(changes).slice(0, 80), changes] as const))(
    "refuses a wrong %s: %s",
    async (path, _, changes) => {
      const { compare, vendor } = testService();
      const answered = await compare(changes);
      expect(answered.status).toBe(400);
      expect(answered.body["error_type"]).toBe("VALIDATION_ERROR");
      expect(pathsOf(answered)).toEqual([path]);
      expect(vendor.calls).toEqual([]);
    },
  );
});

it("lists all problems together", async () => {
  const answered = await testService().compare({
    user_prompt: "{essay_a}{essay_a}{essay_b}{essay_b}",
    essay_a: undefined,
    essay_b: 3,
    priority: "1",
    metadata: [],
    llm_config_overrides: { temperature_override: 9, max_tokens_override: -1 },
  });
  expect(pathsOf(answered).toSorted()).toEqual([
    "essay_a",
    "essay_b",
    "llm_config_overrides.max_tokens_override",
    "llm_config_overrides.temperature_override",
    "metadata",
    "priority",
    "user_prompt",
    "user_prompt",
  ]);
});

it("tells of no more than 20 halves of surrogate pairs, whose paths are cut where they are long", async () => {
  const many = Array.from({ length: 5_000 }, () => "\ud800");
  const answered = await testService().compare({ ["u".repeat(100_000)]: many });
  expect(answered.status).toBe(400);
  expect(pathsOf(answered)).toHaveLength(20);
  expect(answered.text.length).toBeLessThan(20_000);
});

it("says of a model's name that can't be called how it must be", async () => {
  const { body } = await testService().compare(overrides({ model_override: "\ud83d" }));
  expect(body["issues"]).toEqual([
    {
      path: "llm_config_overrides.model_override",
      message: "must be 1 to 200 characters from ! to ~, without blanks",
    },
    { path: "llm_config_overrides.model_override", message: "must not hold half a surrogate pair" },
  ]);
});

describe("an essay that begins like a file", () => {
  it.each([
    ["PK\u0003\u0004\u0014", "a Word document or another ZIP file"],
    ["%PDF-1.7\n", "a PDF file"],
    ["{\\rtf1\\ansi", "an RTF file"],
    ["UEsDBBQABgAIAAAAIQ", "a Word document or another ZIP file in base64"],
    ["JVBERi0xLjcK", "a PDF file in base64"],
  ])("is refused, with what it looks like: %j", async (essay, file) => {
    const { body } = await testService().compare({ essay_a: essay, essay_b: essay });
    const message = `looks like ${file}: send its text`;
    expect(body["issues"]).toEqual([
      { path: "essay_a", message },
      { path: "essay_b", message },
    ]);
  });
});

it("repeats all problems in its details, for clients that show nothing else", async () => {
  const { body } = await testService().compare({
    essay_a: 7,
    metadata: [],
    llm_config_overrides: { model: "m" },
  });
  const issues = body["issues"] as Issues;
  expect(issues.length).toBe(3);
  expect(body["error"]).toBe("The comparison has 3 problems: see details.");
  expect(body["details"]).toBe(issues.map(({ path, message }) => `${path}: ${message}`).join("; "));
  const { body: one } = await testService().compare({ essay_a: "" });
  expect(one["error"]).toBe("The comparison has a problem: see details.");
  const { body: whole } = await testService().request("/api/v1/comparison", post("[]"));
  expect(whole["details"]).toBe((whole["issues"] as Issues)[0]?.message);
  const { body: address } = await testService().request("/api/v1/status/1");
  expect(address["details"]).toMatch(/^queue_id: /);
});

it("says nothing of what an essay holds, however wrong it is", async () => {
  const answered = await testService().compare({
    essay_a: { text: "canary" },
    essay_b: "",
    metadata: "canary",
  });
  expect(answered.text).not.toContain("canary");
});

describe("a field of the overrides that nobody reads", () => {
  it.each([
    ["provider", "openai", "provider_override"],
    ["llm_provider", "openai", "provider_override"],
    ["model", "gpt-6.1-terra", "model_override"],
    ["modelName", 7, "model_override"],
    ["temperature", 0, "temperature_override"],
    ["Temperature_Override", 0, "temperature_override"],
    ["temprature_override", 1, "temperature_override"],
    ["max_tokens", {}, "max_tokens_override"],
    ["maxTokensOverride", 1, "max_tokens_override"],
    ["system-prompt", "", "system_prompt_override"],
    ["effort", false, "reasoning_effort"],
    ["reasoning_effort_override", "low", "reasoning_effort"],
    ["__proto__", 1, "provider_override"],
    ["", 1, "model_override"],
    ["漢字", 1, "model_override"],
  ])("is refused, and the nearest is named: %s %j is %s", async (name, value, nearest) => {
    const { request, vendor } = testService();
    const text = `${JSON.stringify(goodBody).slice(0, -1)},"llm_config_overrides":{${JSON.stringify(name)}:${JSON.stringify(value)}}}`;
    const { status, body } = await request("/api/v1/comparison", post(text));
    expect(status).toBe(400);
    const path = `llm_config_overrides.${name}`;
    expect(body["issues"]).toEqual([{ path, message: `is no field here: ${nearest} is the nearest` }]);
    expect(vendor.calls).toEqual([]);
  });

  // Looked at whole, 100,000 names or one of half a million characters would take minutes: far beyond a test's own limit.
  it("is told of as far as 20 of them, whatever their number and length", async () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`x${at}`, 1]));
    const long = { ["y".repeat(500_000)]: 1 };
    for (const [changes, told] of [
      [many, 20],
      [long, 1],
    ] as const) {
      const answered = await testService({ env: { MAX_BODY_BYTES: "4000000" } }).compare(overrides(changes));
      expect([answered.status, pathsOf(answered).length]).toEqual([400, told]);
      expect(answered.text.length).toBeLessThan(10_000);
    }
  });
});

it("ignores unknown fields elsewhere, and those that real clients send; and says so", async () => {
  const changes = {
    essay_A: "x",
    "": 1,
    later: null,
    llm_config_overrides: { output_verbosity: "low", service_type: {}, model: null, model_override: null },
  };
  const ignored_fields = [
    "essay_A",
    "",
    "later",
    ...["output_verbosity", "service_type", "model"].map((name) => `llm_config_overrides.${name}`),
  ];
  const { compare, logged } = testService();
  const { status, body } = await compare(changes);
  expect([status, body["metadata"]]).toEqual([200, expect.objectContaining({ ignored_fields })]);
  const kept = await compare({ ...changes, processing_mode: "queue" });
  expect([kept.status, kept.body["ignored_fields"]]).toEqual([202, ignored_fields]);
  expect(logged("unknown_fields")[0]).toMatchObject({ level: "debug", unknown_fields: ignored_fields });
  const quiet = testService({ env: { LOG_LEVEL: "info" } });
  await quiet.compare(changes);
  expect(quiet.logged("unknown_fields")).toEqual([]);
});

it("keeps what is told of unknown fields short, however many and long they are", async () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`${"x".repeat(100)}${at}`, 1]));
  const { compare, logged } = testService();
  const { status, text } = await compare({ ["y".repeat(50_000)]: 1, ...many });
  expect(status).toBe(200);
  expect(Math.max(text.length, JSON.stringify(logged("unknown_fields")).length)).toBeLessThan(5_000);
});

/** Of exactly that many bytes of JSON. */
const sized = (bytes: number, filler: string, width: number) => {
  const room = bytes - '{"k":""}'.length;
  return { k: filler.repeat(Math.floor(room / width)) + "x".repeat(room % width) };
};

describe("metadata", () => {
  it.each([
    ["x", 1],
    ["é", 2],
    ["漢", 3],
    ["😀", 4],
    // Escaped in JSON.
    ['"', 2],
    ["\n", 2],
    ["\u0001", 6],
  ])("is measured in bytes of UTF-8 JSON: filled with %j", async (filler, width) => {
    const { compare } = testService();
    expect((await compare({ metadata: sized(16_384, filler, width) })).status).toBe(200);
    const answered = await compare({ metadata: sized(16_385, filler, width) });
    expect(answered.status).toBe(400);
    expect(pathsOf(answered)).toEqual(["metadata"]);
  });

  it.each([
    ["lists", "[", "]"],
    ["objects", '{"k":', "}"],
  ])("is echoed up to 100 levels deep, and refused by its depth beyond: %s", async (_, opening, closing) => {
    const { request } = testService({ env: { LOG_LEVEL: "error" } });
    const send = (levels: number) => {
      const metadata = `{"k":${opening.repeat(levels - 2)}[]${closing.repeat(levels - 2)}}`;
      const body = JSON.stringify(goodBody).replace(/\}$/, `,"metadata":${metadata}}`);
      return request("/api/v1/comparison", post(body)).then((answered) => ({ ...answered, metadata }));
    };
    for (const levels of [2, 10, 100]) {
      const { status, text, metadata } = await send(levels);
      expect([levels, status, text.includes(metadata.slice(1, -1))]).toEqual([levels, 200, true]);
    }
    for (const levels of [101, 1_000, 8_000, 200_000]) {
      const { status, body } = await send(levels);
      const issues = [{ path: "metadata", message: "must be at most 100 levels deep" }];
      expect([levels, status, body["issues"]]).toEqual([levels, 400, issues]);
    }
  });
});

it.each([
  ["arrays", "[".repeat(250_000) + "]".repeat(250_000)],
  ["objects", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)],
])("answers absurdly nested %s with 400 where they mean something, and never with 500", async (_, nested) => {
  const { request } = testService();
  const statusWith = async (name: string) => {
    const body = JSON.stringify({ ...goodBody, [name]: "@" }).replace('"@"', nested);
    return (await request("/api/v1/comparison", post(body))).status;
  };
  expect((await request("/api/v1/comparison", post(nested))).status).toBe(400);
  for (const name of ["essay_a", "metadata", "correlation_id", "processing_mode", "priority"]) {
    expect(await statusWith(name)).toBe(400);
  }
  expect(await statusWith("unknown")).toBe(200);
});

describe("the body", () => {
  it.each(["", "{", "null", "[]", '"text"', "1", "{'essay_a':1}", "NaN", `${JSON.stringify(goodBody)}x`])(
    "is 400 where it is %j",
    async (body) => {
      const answered = await testService().request("/api/v1/comparison", post(body));
      expect(answered.status).toBe(400);
      expect(answered.body["error_type"]).toBe("VALIDATION_ERROR");
      // A parser's own words quote what it read.
      expect(answered.text).not.toMatch(/token|position|Unexpected/);
    },
  );

  it.each([
    ["", "it is empty"],
    ["{", "it ends too soon in line 1, column 2"],
    ["{'canary':1}", "it goes wrong in line 1, column 2"],
    ['{\n  "essay_a": "é😀",\n}', "it goes wrong in line 3, column 1"],
    ['{"essay_a":"é😀canary" "essay_b"', "it goes wrong in line 1, column 24"],
    ["\n\n", "it ends too soon in line 3, column 1"],
    ["\uFEFF{}", "it goes wrong in line 1, column 1"],
  ])("that is no JSON is told where, and nothing of what it holds: %j", async (text, where) => {
    const { body } = await testService().request("/api/v1/comparison", post(text));
    expect(body["error"]).toBe(`The body is not JSON: ${where}.`);
  });

  it("is 400 where it is not UTF-8", async () => {
    const body = new Uint8Array([...new TextEncoder().encode('{"essay_a":"'), 0xff, 0x22, 0x7d]);
    const answered = await testService().request("/api/v1/comparison", { ...post(""), body });
    expect([answered.status, answered.body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it.each([
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON ;x=y",
    "application/json;",
  ])("is JSON as %j", async (type) => {
    const answered = await testService().compare({}, { headers: { "content-type": type } });
    expect(answered.status).toBe(200);
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonl",
    "application/json-patch+json",
    "x",
  ])("is 415 as %j", async (type) => {
    const answered = await testService().compare({}, { headers: { "content-type": type } });
    expect([answered.status, answered.body["error_type"]]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  });

  it("is 415 where it is compressed, and where nothing says what it is", async () => {
    const { compare, request } = testService();
    expect((await compare({}, { headers: { "content-encoding": "gzip" } })).status).toBe(415);
    expect((await compare({}, { headers: { "content-encoding": "identity" } })).status).toBe(200);
    expect((await request("/api/v1/comparison", { method: "POST" })).status).toBe(415);
  });

  it("is 413 past the limit and no byte sooner", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(goodBody)).length;
    const exact = testService({ env: { MAX_BODY_BYTES: String(bytes) } });
    expect((await exact.compare()).status).toBe(200);
    const less = testService({ env: { MAX_BODY_BYTES: String(bytes - 1) } });
    const answered = await less.compare();
    expect([answered.status, answered.body["error_type"]]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(answered.body["error"]).toBe(
      `The body is larger than ${bytes - 1} bytes, which is MAX_BODY_BYTES here.`,
    );
  });
});
