/** The console inside workerd: what isolates have told, tickets of all tenants, and forms that reach the objects. */
import { env } from "cloudflare:workers";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import handler from "../../src/cloudflare/worker.ts";
import { goodBody, post } from "../support/answers.ts";

const settings: Readonly<Record<string, unknown>> = {
  ENVIRONMENT: "development",
  DEFAULT_LLM_PROVIDER: "mock",
  LLM_MAX_RETRIES: "0",
  MOCK_ERROR_RATE: "1",
};

async function asked(path: string, init: RequestInit = {}) {
  const context = createExecutionContext();
  const request = new Request<unknown, IncomingRequestCfProperties>(`http://localhost${path}`, {
    redirect: "manual",
    ...init,
  } as RequestInit<never>);
  const response = await handler.fetch(
    request,
    { ...env, ...settings } as Parameters<typeof handler.fetch>[1],
    context,
  );
  const text = await response.text();
  await waitOnExecutionContext(context);
  return { status: response.status, headers: response.headers, text };
}

const shown = async (path: string) =>
  (await asked(path)).text.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");

it("shows what is wrong and since when, and its forms pause, resume and cancel", async () => {
  const compare = (changes: object) => asked("/api/v1/comparison", post({ ...goodBody, ...changes }));
  for (let times = 0; times < 5; times++) await compare({ processing_mode: "immediate" });
  const { queue_id: id } = JSON.parse((await compare({})).text) as { queue_id: string };

  const page = await shown("/console");
  expect(page).toMatch(
    /1 thing is wrong\. mock : It is down: 5 faults in a row, since \d+ s ago .*, the last: unavailable; it has never answered/,
  );
  expect(page).toMatch(/1 ticket waits for it \(of local \), the oldest from \d+ s ago/);
  expect(page).toMatch(/Last ten minutes, of all isolates .* 5 calls \(0\.01\/s\), 5 failed \(100 %\)/);
  expect(page).toMatch(new RegExp(`${id} local mock mock-judge-1 queued, accepted`));
  expect(page.match(/local mock .{1,60} unavailable \(status 503\)/g)).toHaveLength(5);
  expect(await shown(`/console/tickets/${id}`)).toMatch(/Status queued .* 1 .* accepted/);

  expect(await asked("/console/providers/mock/pause", { method: "POST" })).toMatchObject({ status: 303 });
  expect(await shown("/console")).toMatch(/It is paused by local , since \d+ s ago/);
  expect(await asked(`/console/tickets/${id}/cancel`, { method: "POST" })).toMatchObject({ status: 303 });
  expect(await shown(`/console/tickets/${id}`)).toMatch(/Status cancelled .* cancelled by an operator/);
  expect(await asked("/console/providers/mock/resume", { method: "POST" })).toMatchObject({ status: 303 });
  expect(await shown("/console")).toMatch(/local resume mock .* local cancel .* local pause mock/);
});
