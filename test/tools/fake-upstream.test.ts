import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { dig } from "../../tools/fake-upstream/json.ts";
import { samples, send } from "../../tools/fake-upstream/samples.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

let laneCount = 0;
async function laneWith(...steps: Step[]): Promise<Lane> {
  const lane = upstream.lane(`lane ${laneCount++}`);
  await lane.script(steps);
  return lane;
}

it("uses a step up by its times, and skips those for another vendor, model or route", async () => {
  const lane = await laneWith(
    { fault: "serverError", vendor: "openai" },
    { fault: "forbidden", forModel: "claude-opus-5-5" },
    { fault: "paymentRequired", on: "endpoints" },
    { fault: "overloaded", times: 2 },
    { fault: "unavailable", times: "forever" },
  );
  const statuses = [];
  for (let call = 0; call < 4; call++) statuses.push((await send(lane, "anthropic")).status);
  expect(statuses).toEqual([529, 529, 503, 503]);
  expect((await send(lane, "openai")).status).toBe(500);
  expect((await send(lane, "anthropic", { body: { model: "claude-opus-5-5" } })).status).toBe(403);
  expect(await lane.stepsLeft()).toEqual([
    { fault: "paymentRequired", on: "endpoints", times: 1 },
    { fault: "unavailable", times: "forever" },
  ]);
  await lane.clearScript();
  expect((await send(lane, "anthropic")).status).toBe(200);
});

it("keeps a step for calls whose prompt holds its text", async () => {
  const lane = await laneWith({ fault: "serverError", forText: "Two essays", times: "forever" });
  expect((await send(lane, "anthropic", { body: { system: "Three essays." } })).status).toBe(500);
  const other = { messages: [{ role: "user", content: "One essay." }] };
  expect((await send(lane, "anthropic", { body: other })).status).toBe(200);
});

it("says which parameters each endpoint of an OpenRouter model takes", async () => {
  const lane = await laneWith(
    { fault: "overloaded", on: "judgement" },
    { fault: "serverError", on: "endpoints" },
  );
  const look = (model: string) => fetch(`${lane.baseUrls.openrouter}/models/${model}/endpoints`);
  expect((await look("qwen/qwen3-235b-a22b")).status).toBe(500);
  const body: unknown = await (await look("qwen/qwen3-235b-a22b")).json();
  const parameters = [0, 1].map((index) => dig(body, `data.endpoints.${index}.supported_parameters`));
  expect(parameters[0]).toContain("temperature");
  expect(parameters[0]).not.toContain("structured_outputs");
  expect(parameters[1]).toContain("structured_outputs");
  expect(parameters[1]).not.toContain("temperature");
  expect((await look("no-such/model")).status).toBe(404);
  expect(await lane.stepsLeft()).toMatchObject([{ fault: "overloaded" }]);
  expect(await lane.requests("endpoints")).toHaveLength(2);
});

it("records what it was sent, as it was sent", async () => {
  const lane = await laneWith();
  const bodyText = `${JSON.stringify(samples.openai.body, null, 2)}\n`;
  await send(lane, "openai", { bodyText, headers: { "x-of-mine": "é".normalize("NFC") } });
  expect(await lane.requests()).toEqual([
    expect.objectContaining({
      number: 1,
      vendor: "openai",
      route: "judgement",
      model: "gpt-6.1-terra",
      method: "POST",
      path: "/v1/responses",
      headers: expect.objectContaining({ authorization: "Bearer good", "x-of-mine": "é" }),
      bodyText,
      body: samples.openai.body,
      outcome: "answered",
      aborted: false,
    }),
  ]);
});

it("keeps lanes apart, and forgets one on demand", async () => {
  const [mine, yours] = [await laneWith({ fault: "serverError" }), await laneWith()];
  expect((await send(yours, "openai")).status).toBe(200);
  expect(await mine.requests()).toEqual([]);
  expect(await yours.requests()).toHaveLength(1);
  await Promise.all([mine.clear(), yours.clear()]);
  expect(await mine.stepsLeft()).toEqual([]);
  expect(await yours.requests()).toEqual([]);
});

it("holds a question about requests until there are so many", async () => {
  const lane = await laneWith();
  let reached = false;
  const two = lane.waitForRequest(2).then((requests) => {
    reached = true;
    return requests;
  });
  await send(lane, "google");
  await lane.requests();
  expect(reached).toBe(false);
  await send(lane, "openai");
  expect((await two).map(({ vendor }) => vendor)).toEqual(["google", "openai"]);
});

it.each([
  [{ fault: "sttal" }, "fault"],
  [{ fault: "status" }, "status"],
  [{ fault: "stall", status: 500 }, "status"],
  [{ times: 0 }, "times"],
])("refuses the step %j, and says why", async (step, says) => {
  await expect((await laneWith()).script([step as Step])).rejects.toThrow(says);
});

it("closes at once, with calls and questions still open", async () => {
  const mortal = await startFakeUpstream();
  const lane = mortal.lane("open");
  await lane.script([{ fault: "stall" }, { delayMs: 60_000 }]);
  const open = [send(lane, "openai"), send(lane, "openai").finally(() => undefined), lane.waitForAbort(9)];
  const ended = Promise.allSettled(open);
  await lane.waitForRequest(2);
  await mortal.close();
  expect((await ended).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await expect(send(lane, "openai")).rejects.toThrow("fetch failed");
});

it("runs by itself, says where it is and logs a line for each call", async () => {
  const cli = new URL("../../tools/fake-upstream/cli.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [cli, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const saying = async (words: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = words.exec(said);
      if (found !== null) return found;
      said += String((await once(child.stdout, "data"))[0]);
    }
  };
  const [, baseUrl = ""] = await saying(/GOOGLE_BASE_URL=(\S+) [^]*Ctrl-C/);
  const { path, headers, body } = samples.google;
  await fetch(`${new URL("/dev/__script", baseUrl)}`, {
    method: "POST",
    body: JSON.stringify([{ fault: "overloaded" }]),
  });
  const response = await fetch(`${baseUrl}${path}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(503);
  await saying(/google {2}gemini-3\.8-flash {2}503 {2}overloaded/);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});
