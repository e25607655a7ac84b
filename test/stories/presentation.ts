/** Which essay the judge reads first: what is sent, and in whose names it is answered. */
import { expect } from "vitest";
import { vendorNames } from "../../tools/fake-upstream/script.ts";
import { goodBody } from "../support/answers.ts";
import type { Desk } from "./desk.ts";
import type { Story } from "./story.ts";

const said = "Essay A argues, and so does Essay B; essays A and B differ in their ends alone.";
const givenBack = "Essay B argues, and so does Essay A; essays B and A differ in their ends alone.";

export const presentation: readonly Story[] = vendorNames.map((vendor) => ({
  kind: "presentation",
  at: vendor,
  name: "a swapped comparison is sent as the caller's own with the essays exchanged, and answered in the caller's names, at once and as a ticket",
  tell: swapped,
}));

async function swapped(desk: Desk): Promise<void> {
  await desk.vendorSays({ judgement: { justification: said, winner: "Essay A" }, times: "forever" });
  const texts = { essay_a: `A pupil's at ${desk.vendor}.`, essay_b: "Another pupil's: {essay_a}." };
  const asked = { ...goodBody, ...texts, llm_config_overrides: { provider_override: desk.vendor } };
  const exchanged = { ...asked, essay_a: texts.essay_b, essay_b: texts.essay_a };
  const before = (await desk.calls()).length;

  const live = await desk.send({ ...asked, presentation: "swapped", processing_mode: "immediate" });
  const kept = await desk.send({ ...asked, presentation: "swapped", processing_mode: "queue" });
  const ticket = { id: String(kept.body["queue_id"]), tenant: "one" } as const;
  await desk.untilJudged([ticket]);
  for (const { body } of [live, await desk.result(ticket)]) {
    expect(body).toMatchObject({ winner: "Essay B", justification: givenBack, shown_first: "Essay B" });
    expect(body["metadata"]).toMatchObject({
      normalizations: ["labels_exchanged"],
      justification_as_shown: said,
    });
  }
  expect(await desk.status(ticket)).toMatchObject({ shown_first: "Essay B" });

  const own = await desk.send({ ...exchanged, processing_mode: "immediate" });
  expect(own.body).toMatchObject({ winner: "Essay A", justification: said, shown_first: "Essay A" });
  const sent = (await desk.calls()).slice(before).map(({ bodyText }) => bodyText);
  expect(sent).toEqual([sent[0], sent[0], sent[0]]);
  expect(pairOf(own.body)).toBe(pairOf(live.body));
  await desk.vendorSays();
}

function pairOf(body: Readonly<Record<string, unknown>>): unknown {
  return (body["metadata"] as Readonly<Record<string, unknown>>)["pair_sha256"];
}
