/** Tickets of a provider that is switched off here, or has lost its key: nobody has refused anything, and whoever asks is told so. */
import { expect, it } from "vitest";
import { testService } from "../support/service.ts";

const queued = { processing_mode: "queue" };
const hourMs = 3_600_000;

it.each([
  ["is switched off", { OPENAI_ENABLED: "false" }, "is not enabled"],
  ["has no key any more", { OPENAI_API_KEY: "" }, "has no key"],
])(
  "of a provider that %s: status, 202 and health say what it is, and neither refused credentials nor a time",
  async (_, env, what) => {
    const before = testService();
    const key = { headers: { "idempotency-key": "key-1" } };
    const { body: kept } = await before.compare(queued, key);
    await before.compare(queued);
    const { request, clock } = before.restarted({ env });
    // At once, and not only as a ticket that has waited for ten minutes.
    expect((await request("/healthz")).body["status"]).toBe("degraded");
    await clock.advance(hourMs);

    const sentence = "openai is not enabled here, or has no key.";
    const status = await request(String(kept["status_url"]));
    expect(status.body).toMatchObject({
      status: "queued",
      error_type: "CONFIGURATION_ERROR",
      error_message: sentence,
      estimated_wait_minutes: null,
    });
    const results = await request(String(kept["results_url"]));
    expect(results.body["message"]).toBe(
      `${sentence} The comparison is kept and will be judged in its turn.`,
    );

    const health = await request("/healthz");
    expect(health.body).toMatchObject({
      status: "degraded",
      warnings: expect.arrayContaining([
        `openai ${what} here: 2 tickets wait until that is changed.`,
      ]) as unknown,
    });
    expect(health.text).not.toContain("refused");
    const { providers } = (await request("/api/v1/providers")).body;
    expect(providers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "openai", available: false, credentials: "ok" }) as unknown,
      ]),
    );
  },
);

it("without a ticket it is worth no warning", async () => {
  const { body } = await testService({ env: { OPENAI_ENABLED: "false" } }).request("/healthz");
  expect(body).toMatchObject({ status: "healthy", warnings: [] });
});
