/** Chromium: does the console do in a real browser what it promises, with its script and without? */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { strict as assert } from "node:assert";
import axe from "axe-core";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { goodBody, post } from "../../support/answers.ts";
import { startService, type PlatformName } from "../../support/processes.ts";
import type { Oracle } from "./oracle.ts";

const keys = {
  maths: "lps_tenant_0123456789",
  ops: "lps_operator_0123456789",
  reader: "lps_reader_0123456789",
};
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** A vendor that always fails: its breaker opens, and tickets wait. */
const settings = {
  ENVIRONMENT: "test",
  API_KEYS: `maths:${sha256(keys.maths)}`,
  OPERATOR_KEYS: `ops:${sha256(keys.ops)},reader:${sha256(keys.reader)}!read`,
  MOCK_ERROR_RATE: "1",
  LLM_MAX_RETRIES: "0",
};
const asOps = { httpCredentials: { username: "ops", password: keys.ops } };
const hostileModel = "<img/src=x/onerror=alert(1)>";

export const oracle: Oracle = {
  tools: [
    {
      command: "chromium",
      versionArgs: ["--version"],
      debianPackage: "chromium",
      howToGet: "apt-get install --no-install-recommends chromium",
    },
  ],
  async ask(check) {
    // Root may not start it with its sandbox.
    const browser = await chromium.launch({ executablePath: whereIs("chromium"), args: ["--no-sandbox"] });
    for (const platform of ["node", "workerd"] as const) {
      const service = await serviceInTrouble(platform);
      const at = (page: Page, path = "/console") => page.goto(service.origin + path);
      const on = (promise: string, answer: () => Promise<void>) =>
        check(`${promise}, on ${platform}`, answer);

      await on("a wrong key, a tenant's key and nobody are shown nothing", async () => {
        for (const httpCredentials of [
          undefined,
          { username: "ops", password: "lps_wrong" },
          { username: "maths", password: keys.maths },
          { username: "reader", password: keys.ops },
        ]) {
          const { page, close } = await visit(
            browser,
            httpCredentials === undefined ? {} : { httpCredentials },
          );
          const status = await at(page).then((answer) => answer?.status(), String);
          assert.match(String(status), /401|ERR_INVALID_AUTH_CREDENTIALS/);
          // Of a page that did not come there is nothing to read.
          if (status === 401) assert.doesNotMatch(await page.content(), /Providers/);
          await close();
        }
      });

      for (const javaScriptEnabled of [true, false]) {
        const how = javaScriptEnabled ? "with its script" : "without a script";
        await on(`the page breaks no rule of its own and prints no error, ${how}`, async () => {
          const { page, complaints, close } = await visit(browser, { ...asOps, javaScriptEnabled });
          assert.equal((await at(page))?.status(), 200);
          assert.match(await page.locator("#state").innerText(), /is wrong/);
          assert.equal(await page.locator("img").count(), 0, "a caller's name became an element");
          assert.match(await page.locator("main").innerText(), /<img\/src=x\/onerror=alert\(1\)>/);
          assert.equal(
            await page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse"),
            "collapse",
          );
          await led(page, () => ticketLinks(page).first().click());
          assert.match(await page.locator("h1").innerText(), /^Ticket /);
          assert.match(await page.locator("main").innerText(), /accepted/);
          assert.deepEqual(complaints, []);
          await close();
        });

        await on(`its forms act, by keys alone, and say so, ${how}`, async () => {
          const { page, complaints, close } = await visit(browser, { ...asOps, javaScriptEnabled });
          await at(page);
          for (const [verb, then] of [
            ["pause", "paused"],
            ["resume", "open"],
          ] as const) {
            await tabTo(page, `${verb}-mock`);
            await led(page, () => page.keyboard.press("Enter"));
            assert.match(await rowOfMock(page).innerText(), new RegExp(then));
          }
          await led(page, () => ticketLinks(page).first().click());
          await tabTo(page, "cancel");
          await led(page, () => page.keyboard.press("Enter"));
          assert.match(await page.locator("main").innerText(), /cancelled by an operator/);
          await at(page);
          assert.match(
            await page.locator("table").last().innerText(),
            /ops\s+cancel[\s\S]*ops\s+resume[\s\S]*ops\s+pause/,
          );
          assert.deepEqual(complaints, []);
          await close();
        });
      }

      await on("it refreshes by itself, but not while nobody looks, and says when it can't", async () => {
        const { page, close } = await visit(browser, asOps);
        await at(page);
        const { time, setHidden } = await watched(page);
        const first = await time();
        await until(async () => (await time()) !== first);
        await setHidden(true);
        const hidden = await time();
        await page.waitForTimeout(5_500);
        assert.equal(await time(), hidden);
        await setHidden(false);
        await page.route("**/console", (route) => route.abort());
        await until(async () => (await page.locator("#live").innerText()).includes("Not refreshed since"));
        await close();
      });

      await on("who may only look sees no buttons, and another site's form does nothing", async () => {
        const reader = await visit(browser, {
          httpCredentials: { username: "reader", password: keys.reader },
        });
        await at(reader.page);
        assert.equal(
          await reader.page.locator("main form[method=post], main button:not(#filter button)").count(),
          0,
        );
        await reader.close();
        const { page, close } = await visit(browser, asOps);
        await at(page);
        // Of another origin, in a browser that knows the key.
        await page.goto(service.origin.replace("127.0.0.1", "localhost") + "/livez");
        await page.setContent(
          `<form method="post" action="${service.origin}/console/providers/mock/pause"><button>x</button></form>`,
        );
        await Promise.all([page.waitForNavigation(), page.locator("button").click()]).catch(() => {});
        await at(page);
        assert.doesNotMatch(await rowOfMock(page).innerText(), /paused/);
        await close();
      });

      await on(
        "axe finds nothing that would keep somebody from reading it, wide and narrow, light and dark",
        async () => {
          for (const colorScheme of ["light", "dark"] as const) {
            for (const width of [1280, 360]) {
              // Axe is no script of the page's own.
              const { page, close } = await visit(browser, {
                ...asOps,
                colorScheme,
                viewport: { width, height: 800 },
                bypassCSP: true,
              });
              await at(page);
              await page.addScriptTag({ content: axe.source });
              assert.deepEqual(await page.evaluate(violations), []);
              await led(page, () => ticketLinks(page).first().click());
              await page.addScriptTag({ content: axe.source });
              assert.deepEqual(await page.evaluate(violations), []);
              await close();
            }
          }
        },
      );

      await on("it fits a screen of 360 pixels, in light and dark", async () => {
        for (const colorScheme of ["light", "dark"] as const) {
          const { page, close } = await visit(browser, {
            ...asOps,
            colorScheme,
            viewport: { width: 360, height: 800 },
          });
          await at(page);
          const [content = 0, screen = 0] = await page.evaluate<number[]>(
            "[document.documentElement.scrollWidth, innerWidth]",
          );
          assert.ok(content <= screen, `${content} pixels on a screen of ${screen}`);
          await close();
        }
      });
      await service.stop();
    }
    await browser.close();
  },
};

function whereIs(command: string): string {
  return execFileSync("/bin/sh", ["-c", `command -v ${command}`], { encoding: "utf8" }).trim();
}

/** Its breaker is open, and three tickets wait. */
async function serviceInTrouble(platform: PlatformName) {
  const folder = mkdtempSync(join(tmpdir(), "oracle-chromium-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const service = await startService(platform, { folder, settings });
  const llm_config_overrides = { provider_override: "mock", model_override: hostileModel };
  for (let times = 0; times < 8; times++) {
    const asked = await fetch(
      `${service.origin}/api/v1/comparison`,
      post(
        { ...goodBody, llm_config_overrides, processing_mode: times < 5 ? "immediate" : "queue" },
        { headers: { authorization: `Bearer ${keys.maths}` } },
      ),
    );
    assert.equal(asked.status, times < 5 ? 503 : 202);
    await asked.text();
  }
  return service;
}

/** A browser of its own. `complaints`: what it says went wrong, of our rules for content too. */
async function visit(browser: Browser, options: BrowserContextOptions) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(request.url()));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, complaints, close: () => context.close() };
}

/** To another page, which has all that belongs to it. */
async function led(page: Page, by: () => Promise<void>): Promise<void> {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), by()]);
}

function ticketLinks(page: Page) {
  return page.locator("a", { hasText: /^[0-9a-f-]{36}$/ });
}

/** As text: which rule, and what breaks it. */
const violations = `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html)))`;

function rowOfMock(page: Page) {
  return page.locator("tr", { has: page.locator("#mock") });
}

/** As somebody without a mouse, who must see where the keys go. */
async function tabTo(page: Page, id: string): Promise<void> {
  for (let tabs = 0; tabs < 100; tabs++) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    if ((await focused.count()) === 0 || (await focused.getAttribute("id")) !== id) continue;
    assert.equal(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "solid");
    return;
  }
  throw new Error(`${id} can't be reached by Tab`);
}

async function watched(page: Page) {
  return {
    time: () => page.locator("p.dim time").innerText(),
    setHidden: (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, "hidden", { configurable: true, get: () => ${isHidden} }) && null`,
      ),
  };
}

/** The page's own rules let nobody evaluate code in it, so it is looked at from outside. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const endsAtMs = performance.now() + 15_000;
  while (!(await holds())) {
    assert.ok(performance.now() < endsAtMs, "it did not come to that in 15 s");
    await wait(100);
  }
}
