/** Whose refusal it is: the account's and a model's are waited out, a request's ends that request, and a filter's that text. Nobody else notices. */
import { expect } from "vitest";
import type { Step, VendorName } from "../../tools/fake-upstream/script.ts";
import { until, type Desk } from "./desk.ts";
import type { Story } from "./story.ts";

interface Refusal {
  readonly at: VendorName;
  readonly what: string;
  readonly step: Step;
}

/** In the vendors' own words; sources of all of them are beside the rows of `src/providers/refusals`. */
const ofTheAccount: readonly (Refusal & { readonly type: "INVALID_API_KEY" | "QUOTA_EXCEEDED" })[] = [
  {
    at: "openai",
    what: "a key that is refused",
    type: "INVALID_API_KEY",
    step: { fault: "credentialsRefused" },
  },
  {
    at: "openai",
    what: "credit that is gone, in a 429",
    type: "QUOTA_EXCEEDED",
    step: { fault: "creditExhausted" },
  },
  {
    at: "anthropic",
    what: "credit that is gone, in a 400 without a code",
    type: "QUOTA_EXCEEDED",
    step: {
      fault: "status",
      status: 400,
      message:
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    },
  },
  {
    at: "anthropic",
    what: "an organisation on hold, in a 400",
    type: "INVALID_API_KEY",
    step: {
      fault: "status",
      status: 400,
      code: "organization_on_hold",
      message: "This organization is on hold.",
    },
  },
  {
    at: "google",
    what: "a place that is not served, in a 400",
    type: "INVALID_API_KEY",
    step: {
      fault: "status",
      status: 400,
      type: "FAILED_PRECONDITION",
      message: "User location is not supported for the API use.",
    },
  },
  {
    at: "openrouter",
    what: "credit that is gone, in a 402",
    type: "QUOTA_EXCEEDED",
    step: { fault: "paymentRequired" },
  },
];

/** About a model that nobody else names. */
const ofTheRequest: readonly (Refusal & { readonly says: string })[] = [
  {
    at: "openai",
    what: "a model that our project has not got, in a 403",
    says: "does not have access to model",
    step: {
      fault: "status",
      status: 403,
      code: "model_not_found",
      message: "Project `proj_1` does not have access to model `made-up/judge`.",
    },
  },
  { at: "anthropic", what: "an unknown model", says: "model: ", step: { fault: "modelNotFound" } },
  { at: "google", what: "an unknown model", says: "is not found", step: { fault: "modelNotFound" } },
  {
    at: "openrouter",
    what: "an unknown model",
    says: "No endpoints found",
    step: { fault: "modelNotFound" },
  },
];

const ofTheFilter: readonly Refusal[] = [
  {
    at: "openai",
    what: "a content policy by its code",
    step: { fault: "status", status: 400, code: "content_policy_violation", message: "Not allowed." },
  },
  {
    at: "anthropic",
    what: "a content policy by its sentence",
    step: { fault: "status", status: 400, message: "Output blocked by content filtering policy" },
  },
  { at: "google", what: "a blocked prompt", step: { fault: "safety" } },
  {
    at: "openrouter",
    what: "moderation, in a 403",
    step: {
      fault: "raw",
      status: 403,
      body: {
        error: {
          code: 403,
          message: "The model requires moderation. Your input was flagged.",
          metadata: { reasons: ["violence"], flagged_input: "…", provider_name: "OpenAI", model_slug: "m" },
        },
      },
    },
  },
];

/** A company behind OpenRouter refuses one model to us. */
const ofTheModel: Step = {
  fault: "raw",
  status: 403,
  body: {
    error: {
      code: 403,
      message: "Provider returned error",
      metadata: {
        provider_name: "OpenAI",
        raw: '{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}',
      },
    },
  },
};

const madeUp = "made-up/judge";

export const whoseRefusal: readonly Story[] = [
  ...ofTheAccount.map(({ at, what, step, type }): Story => ({
    kind: "whose refusal",
    at,
    name: `${what} is a 502 for live calls and no end of any ticket`,
    tell: (desk) => accountStory(desk, step, type),
  })),
  {
    kind: "whose refusal",
    at: "openrouter",
    name: "a model that is refused to us waits alone, and its name is told to nobody but whose ticket wants it",
    tell: modelStory,
  },
  ...ofTheRequest.map(({ at, what, step, says }): Story => ({
    kind: "whose refusal",
    at,
    name: `${what} is a 422 for that request and nobody else's`,
    tell: (desk) => requestStory(desk, step, says),
  })),
  ...ofTheFilter.map(({ at, what, step }): Story => ({
    kind: "whose refusal",
    at,
    name: `${what} is CONTENT_REFUSED for that text and nobody else's`,
    tell: (desk) => filterStory(desk, step),
  })),
];

async function accountStory(
  desk: Desk,
  step: Step,
  type: "INVALID_API_KEY" | "QUOTA_EXCEEDED",
): Promise<void> {
  const { vendor } = desk;
  const before = (await desk.calls()).length;
  await desk.vendorSays({ ...step, times: "forever" });
  const tickets = [await desk.queue(), await desk.queue({ tenant: "two" })];
  await until(
    () => desk.row(),
    ({ credentials }) => credentials === (type === "INVALID_API_KEY" ? "refused" : "quota_exceeded"),
  );
  const live = await desk.live({ tenant: "two" });
  expect([live.status, live.body["error_type"], live.body["details"]]).toEqual([502, type, undefined]);
  const { body } = await desk.health();
  expect(body["status"]).toBe("degraded");
  expect(body["warnings"]).toContainEqual(
    expect.stringContaining(
      type === "INVALID_API_KEY"
        ? `Our credentials are refused at ${vendor}`
        : `Our credit or spend limit is used up at ${vendor}`,
    ),
  );
  // They ask more often than they have attempts.
  await until(
    () => desk.calls(),
    (calls) => calls.length >= before + 5,
  );
  await desk.expectWaiting(tickets);
  expect((await desk.row()).circuit_breaker_state).toBe("closed");
  await desk.vendorSays();
  await desk.untilJudged(tickets);
  await desk.untilCalm();
}

async function modelStory(desk: Desk): Promise<void> {
  await desk.vendorSays({ ...ofTheModel, forModel: madeUp, times: "forever" });
  const ticket = await desk.queue({ tenant: "two", model: madeUp });
  const two = await until(
    () => desk.row("two"),
    (row) => row.models_held.length > 0,
  );
  expect(two).toMatchObject({ models_held: [{ model: madeUp, reason: "refused" }], others_held: 0 });
  const refused = await desk.live({ tenant: "two", model: madeUp });
  expect([refused.status, refused.body["error_type"]]).toEqual([502, "INVALID_API_KEY"]);
  expect(refused.body["error"]).toContain(madeUp);
  expect(refused.text).not.toContain("territory");

  const one = await desk.row("one");
  expect(one).toMatchObject({ models_held: [], others_held: 1, credentials: "ok" });
  const health = await desk.health();
  expect(health.body["warnings"]).toContainEqual(
    expect.stringMatching(/other models? at openrouter waits?/i),
  );
  expect(health.text).not.toContain(madeUp);

  // Everybody else's, the same tenant's included.
  const others = [await desk.queue(), await desk.queue({ tenant: "two" })];
  expect([(await desk.live()).status, (await desk.live({ tenant: "two" })).status]).toEqual([200, 200]);
  await desk.untilJudged(others);
  await desk.expectWaiting([ticket]);

  await desk.vendorSays();
  await desk.untilJudged([ticket]);
  await desk.untilCalm();
}

async function requestStory(desk: Desk, step: Step, says: string): Promise<void> {
  await desk.vendorSays({ ...step, forModel: madeUp, times: "forever" });
  const refused = await desk.live({ model: madeUp });
  expect([refused.status, refused.body["error_type"]]).toEqual([422, "INVALID_REQUEST"]);
  expect(refused.body["details"]).toContain(says);
  const ticket = await desk.queue({ model: madeUp });
  await desk.untilFailed(ticket);
  expect(await desk.result(ticket)).toMatchObject({ status: 502, body: { error_type: "INVALID_REQUEST" } });
  await expectNobodyElseNoticed(desk);
}

async function filterStory(desk: Desk, step: Step): Promise<void> {
  await desk.vendorSays({ ...step, forText: "indecent", times: "forever" });
  const refused = await desk.live({ text: "indecent" });
  expect([refused.status, refused.body["error_type"]]).toEqual([502, "CONTENT_REFUSED"]);
  const ticket = await desk.queue({ text: "indecent" });
  await desk.untilFailed(ticket);
  expect(await desk.result(ticket)).toMatchObject({ status: 502, body: { error_type: "CONTENT_REFUSED" } });
  await expectNobodyElseNoticed(desk);
}

async function expectNobodyElseNoticed(desk: Desk): Promise<void> {
  expect((await desk.live({ tenant: "two" })).status).toBe(200);
  await desk.untilJudged([await desk.queue({ tenant: "two" }), await desk.queue()]);
  await desk.untilCalm();
  await desk.vendorSays();
}
