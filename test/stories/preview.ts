/** The preview: what would be sent is what is sent then. */
import { expect } from "vitest";
import { vendorNames } from "../../tools/fake-upstream/script.ts";
import { goodBody } from "../support/answers.ts";
import type { Desk } from "./desk.ts";
import type { Story } from "./story.ts";

export const preview: readonly Story[] = vendorNames.map((vendor) => ({
  kind: "preview",
  at: vendor,
  name: "a preview calls for no judgement, and shows byte for byte what the comparison then sends",
  tell: previewed,
}));

interface Shown {
  readonly request: { readonly url: string; readonly headers: object; readonly body: string };
}

async function previewed(desk: Desk): Promise<void> {
  await desk.vendorSays({ times: "forever" });
  const queue = (await desk.row()).queue;
  for (const more of [
    {},
    { presentation: "swapped" },
    { presentation: "counterbalanced", presentation_key: "å", presentation_index: 1 },
  ]) {
    const before = (await desk.calls()).length;
    const asked = {
      ...goodBody,
      ...more,
      essay_b: `“Curly” at ${desk.vendor}: {essay_a}\u2028`,
      llm_config_overrides: {
        provider_override: desk.vendor,
        temperature_override: 0.3,
        reasoning_effort: "low",
        max_tokens_override: 700,
      },
    };
    const { status, body } = await desk.preview(asked);
    expect(status).toBe(200);
    expect(await desk.calls()).toHaveLength(before);

    const live = await desk.send({ ...asked, processing_mode: "immediate" });
    const call = (await desk.calls()).at(-1);
    const { request } = body as unknown as Shown;
    expect(request.body).toBe(call?.bodyText);
    // A base may have a path of its own.
    const path = request.url.replace(/^\{provider base\}/, "");
    expect(call?.path.endsWith(path)).toBe(true);
    expect(call?.headers).toMatchObject(request.headers);
    expect(JSON.stringify(request.headers)).not.toMatch(/key-to|authorization|x-goog/i);
    const { shown_first, metadata } = live.body as { shown_first: string; metadata: object };
    const { prompt_sha256, pair_sha256, sent_parameters, dropped_parameters } = body;
    expect(body["shown_first"]).toBe(shown_first);
    expect(metadata).toMatchObject({ prompt_sha256, pair_sha256, sent_parameters, dropped_parameters });
  }
  expect((await desk.row()).queue).toEqual(queue);
  await desk.vendorSays();
}
