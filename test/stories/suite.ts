/**
 * Each kind of fault, lived through by HTTP: the same stories on every platform, with the vendors' real wire shapes. At one vendor they are told
 * one after another; what is at another vendor goes on beside it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vendorNames } from "../../tools/fake-upstream/script.ts";
import { bounded } from "./bounded.ts";
import { breaker } from "./breaker.ts";
import { cancelling } from "./cancelling.ts";
import { deskAt } from "./desk.ts";
import { door } from "./door.ts";
import { holds } from "./holds.ts";
import { operating } from "./operating.ts";
import { presentation } from "./presentation.ts";
import { preview } from "./preview.ts";
import { thrown } from "./thrown.ts";
import { telling } from "./telling.ts";
import { wire } from "./wire.ts";
import { whoSpeaks } from "./who-speaks.ts";
import { whoseFault } from "./whose-fault.ts";
import { whoseRefusal } from "./whose-refusal.ts";
import { severalAnswers, whoseVerdict } from "./whose-verdict.ts";
import type { Stand } from "./world.ts";

/** The last ones leave something behind: what threw waits, and a full queue is full until its tickets are forgotten. */
const stories = [
  ...whoseVerdict,
  ...severalAnswers,
  ...presentation,
  ...preview,
  ...wire,
  ...door,
  ...whoseFault,
  ...whoSpeaks,
  ...whoseRefusal,
  ...holds,
  ...breaker,
  ...cancelling,
  ...telling,
  ...operating,
  ...thrown,
  ...bounded,
];

/** Far more than a story takes where nobody else is at work. */
const limitMs = 300_000;

export function testStories({ name, open }: Stand): void {
  describe(`stories over ${name}`, { timeout: limitMs }, () => {
    let world: Awaited<ReturnType<Stand["open"]>> | null = null;
    beforeAll(async () => {
      world = await open();
    }, limitMs);
    afterAll(() => world?.close());

    for (const vendor of vendorNames) {
      describe.concurrent(`at ${vendor}`, () => {
        const here = stories.filter(({ at }) => at === vendor);
        for (const { kind, name, tell } of here) {
          it(`${kind}: ${name}`, { concurrent: false }, async () => {
            expect(world).not.toBeNull();
            if (world !== null) await tell(deskAt(world, vendor));
          });
        }
      });
    }
  });
}
