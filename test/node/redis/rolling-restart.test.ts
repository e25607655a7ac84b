/** A deploy: two processes over one Redis are started anew, one after the other, while clients go on asking through a balancer. */
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { goodBody } from "../../support/answers.ts";
import type { NodeService } from "../../support/node-service.ts";
import { until, startPair, type Member } from "../../support/redis/pair.ts";
import { hasRedis } from "../../support/redis/program.ts";

const upstreamUrl = inject("fakeUpstreamUrl");

/** So long a balancer goes on sending to a process that was told to stop, before its health check finds out. */
const blindMs = 2_000;
const everyMs = 40;
const callMs = 250;

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Keeps connections, spreads requests over whoever is in, and tries nothing a second time. */
function balancer() {
  const agent = new Agent({ keepAlive: true });
  let members: readonly NodeService[] = [];
  let turn = 0;
  return {
    takeIn(service: NodeService) {
      members = [...members, service];
    },
    takeOut(service: NodeService) {
      members = members.filter((each) => each !== service);
    },
    /** @throws with the code of what befell the connection */
    ask(
      method: string,
      path: string,
      headers: Readonly<Record<string, string>>,
      body?: string,
    ): Promise<Answer> {
      const { url = "" } = members[turn++ % members.length] ?? {};
      return new Promise((resolve, reject) => {
        const asked = request(url + path, { method, agent, headers }, (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (piece: string) => {
            text += piece;
          });
          answer.on("error", reject);
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] }),
          );
        });
        asked.on("error", reject).end(body);
      });
    },
  };
}

function isStarved({ status, body }: Answer): boolean {
  return status === 409 || (status === 503 && String(body["error"]).includes("store of this service"));
}

describe.skipIf(!hasRedis("a rolling restart"))("a rolling restart", { timeout: 240_000 }, () => {
  it("loses no request of a client that tries a refused connection again, and judges none twice under one key", async (context) => {
    const { first, second } = await startPair(context, upstreamUrl, "rolling");
    for (const { lane } of [first, second]) {
      await lane.script([{ fault: "delay", delayMs: callMs, times: "forever" }]);
    }
    const { takeIn, takeOut, ask } = balancer();
    takeIn(first.service);
    takeIn(second.service);

    let refused = 0;
    /** A machine that has no time for it takes its Redis for dead, says so, and is asked again when it said. That shows nothing of stops. */
    let starved = 0;
    const patientAsk = async (...asked: Parameters<typeof ask>): Promise<Answer> => {
      for (;;) {
        try {
          const answer = await ask(...asked);
          if (!isStarved(answer)) return answer;
          starved++;
          await pause(1_000);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "ECONNREFUSED")) throw error;
          refused++;
          await pause(20);
        }
      }
    };
    const compare = (number: number) => {
      const body = JSON.stringify({
        ...goodBody,
        essay_a: `Essay ${number}.`,
        processing_mode: number % 5 === 0 ? "queue" : "queue_if_unavailable",
      });
      const key = number % 2 === 0 ? { "idempotency-key": `rolling-${number}` } : {};
      return patientAsk("POST", "/api/v1/comparison", { "content-type": "application/json", ...key }, body);
    };

    const answers: Promise<Answer | Error>[] = [];
    const over = new AbortController();
    const asking = (async () => {
      while (!over.signal.aborted) {
        // The upstream remembers a thousand.
        if (answers.length < 800)
          answers.push(compare(answers.length + 1).catch((error: unknown) => error as Error));
        await pause(everyMs);
      }
    })();

    /** @returns its successor */
    async function startAnew(member: Member): Promise<Member> {
      member.service.kill("SIGTERM");
      const found = pause(blindMs).then(() => takeOut(member.service));
      expect(await member.service.ended).toEqual({ code: 0, signal: null });
      await found;
      const next = await member.again();
      takeIn(next.service);
      return next;
    }
    await pause(500);
    await startAnew(first);
    await pause(500);
    await startAnew(second);
    await pause(500);
    over.abort();
    await asking;

    const all = await Promise.all(answers);
    const said = all.map((answer) => (answer instanceof Error ? answer.message : String(answer.status)));
    expect([...new Set(said)].toSorted()).toEqual(["200", "202"]);
    const kept = all.filter((answer) => !(answer instanceof Error) && answer.status === 202) as Answer[];
    expect(kept.length).toBeGreaterThanOrEqual(Math.floor(all.length / 5));
    for (const { body } of kept) {
      await until(
        () => patientAsk("GET", String(body["results_url"]), {}),
        ({ status }) => status === 200,
        100,
      );
    }

    const calls = [...(await first.lane.requests("judgement")), ...(await second.lane.requests("judgement"))];
    const timesAsked = all.map(
      (_, at) => calls.filter(({ bodyText }) => bodyText.includes(`Essay ${at + 1}.`)).length,
    );
    const wrong = timesAsked.filter((times) => (starved > 0 ? times < 1 : times !== 1));
    expect(wrong).toEqual([]);
    // Or nothing would have been shown.
    expect(refused).toBeGreaterThan(0);
    expect(all.length).toBeGreaterThan(50);
  });
});
