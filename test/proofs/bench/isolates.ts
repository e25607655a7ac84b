/**
 * Many isolates in front of one gate, in virtual time: the real front, the real gate, and a Durable Object of which is assumed only how
 * long it takes for a verb. How much it is asked, and how many calls an outage costs before everybody knows.
 */
import { createGateFront, type RemoteGate } from "../../../src/engine/front/front.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { lifeOf } from "../../stores/mirror/some-ticket.ts";
import { table } from "./report.ts";
import { virtualGate } from "./virtual-gate.ts";
import { mulberry, virtualTime } from "./virtual-time.ts";

/** Which one it is, nobody looks at. */
const keptTicket = { kind: "kept", ticket: lifeOf(0)[0], estimate: null } as const;

interface Scene {
  readonly isolates: number;
  readonly requestsPerSecond: number;
  /** Isolates come up one after another until then. */
  readonly allUpMs: number;
}

const usualScenes: readonly Scene[] = [
  { isolates: 100, requestsPerSecond: 100, allUpMs: 15_000 },
  { isolates: 1_000, requestsPerSecond: 1_000, allUpMs: 15_000 },
  { isolates: 1_000, requestsPerSecond: 10_000, allUpMs: 15_000 },
  { isolates: 1_000, requestsPerSecond: 10_000, allUpMs: 1_000 },
  { isolates: 5_000, requestsPerSecond: 10_000, allUpMs: 1_000 },
];

/** Of the provider: a judgement, and a 503. */
const judgeMs = 2_000;
const faultMs = 500;
/** All is well from the first moment on, it is down from the second to the third. */
const calmFromMs = 15_000;
const downFromMs = 30_000;
const downUntilMs = 50_000;
const endMs = 75_000;
/** A second of which so much is let through is one as before. */
const nearlyAll = 0.95;

/** @returns tables as Markdown */
export async function simulateIsolates(scenes = usualScenes): Promise<string> {
  const lines: { readonly calm: string[]; readonly outage: string[] }[] = [];
  for (const scene of scenes) lines.push(await simulate(scene));
  const scene = ["isolates", "requests/s", "up within, s"];
  const calm = [
    ...scene,
    "last call without the gate's word, s",
    "gate asked/s at most, first 15 s",
    "exchanges/s, calm",
    "oldest snapshot used, s",
  ];
  const outage = [
    ...scene,
    "opened after, s",
    "calls until then",
    "calls after it",
    "gate asked/s at most",
    "its longest queue, s",
    "half-open: asked/s at most",
    "queue full: reservations/s at most",
    "first live call after, s",
    "nearly all let through after, s",
  ];
  return [
    table([calm, ...lines.map((line) => line.calm)]),
    table([outage, ...lines.map((line) => line.outage)]),
  ].join("\n\n");
}

async function simulate({ isolates, requestsPerSecond, allUpMs }: Scene) {
  const time = virtualTime();
  const random = mulberry(42);
  const gate = virtualGate(time, random);
  const { nowMs, at } = time;

  let ids = 0;
  let wastedBefore = 0;
  let wastedAfter = 0;
  let oldestMs = 0;
  let lastUnknownAtMs = 0;
  let recoveredAtMs: number | null = null;
  const newId = () => String(++ids);
  const seconds = Array.from({ length: endMs / 1000 }, () => ({ came: 0, called: 0 }));

  for (let isolate = 0; isolate < isolates; isolate++) {
    let snapshotAtMs = 0;
    let asked = 0;
    const kept = <Reply>(reply: Promise<Reply>): Promise<Reply> => {
      const askedAtMs = nowMs();
      return reply.then((value) => {
        snapshotAtMs = Math.max(snapshotAtMs, askedAtMs);
        return value;
      });
    };
    const front = createGateFront({
      remote: {
        ...gate.remote,
        enter(permit, whose) {
          asked++;
          return kept(gate.remote.enter(permit, whose));
        },
        exchange: (reportId, callReports) => kept(gate.remote.exchange(reportId, callReports)),
      } as RemoteGate,
      clock: time,
      newId,
      later: (work) => void work.catch(() => {}),
    });
    const keepTicket = async () => {
      const item = {
        ticketId: newId(),
        priority: 0,
        acceptedAtMs: nowMs(),
        sizeBytes: 12_000,
        model: "m",
        tenant: "",
        comparison: "",
      };
      try {
        await front.admit(async () => {
          const askedAtMs = nowMs();
          const { kind } = await gate.admit(item);
          return { created: kind === "full" ? { kind } : keptTicket, gateMs: nowMs() - askedAtMs };
        });
      } catch (error) {
        if (!(error instanceof StoreAway)) throw error;
      }
    };
    const request = async () => {
      const permit = newId();
      const askedBefore = asked;
      const cameIn = seconds[Math.floor(nowMs() / 1000)];
      if (cameIn) cameIn.came++;
      const entered = front.enter(permit, { tenant: "", model: "m" });
      const cameAtMs = nowMs();
      const ageMs = cameAtMs - snapshotAtMs;
      const isCalm = cameAtMs > calmFromMs && cameAtMs < downFromMs;
      const admission = await entered;
      // It waited for no hop, neither its own nor another's.
      if (isCalm && asked === askedBefore && nowMs() === cameAtMs) oldestMs = Math.max(oldestMs, ageMs);
      if (admission.kind === "wait") return keepTicket();
      if (cameIn) cameIn.called++;
      const enteredAtMs = nowMs();
      if (admission.epoch === null && enteredAtMs < downFromMs) lastUnknownAtMs = enteredAtMs;
      const isDown = enteredAtMs >= downFromMs && enteredAtMs < downUntilMs;
      const hasOpened = gate.openedAtMs() !== null;
      if (isDown && !hasOpened) wastedBefore++;
      if (isDown && hasOpened) wastedAfter++;
      if (enteredAtMs >= downUntilMs && admission.probe === null && gate.state().breaker.state === "closed")
        recoveredAtMs ??= enteredAtMs;
      const durationMs = isDown ? faultMs : judgeMs;
      await new Promise<void>((resolve) => at(enteredAtMs + durationMs, resolve));
      const finding = isDown ? ({ kind: "fault" } as const) : ({ kind: "healthy" } as const);
      await front.report({ permit: admission.probe && permit, epoch: admission.epoch, finding, durationMs });
      if (isDown) await keepTicket();
    };
    const gapMs = (1000 * isolates) / requestsPerSecond;
    const arrive = () => {
      void request();
      at(nowMs() - Math.log(1 - random()) * gapMs, arrive);
    };
    at(allUpMs * random() + random() * gapMs, arrive);
  }

  await time.run(endMs);

  const opened = gate.openedAtMs();
  const allBack = seconds.findLastIndex(({ came, called }) => called < came * nearlyAll) + 1;
  const most = (fromMs: number, untilMs: number, ...verbs: Parameters<typeof gate.askedIn>[1][]) =>
    Math.max(0, ...secondsIn(fromMs, untilMs).map((second) => gate.askedIn(second, ...verbs)));
  const all = ["enter", "exchange", "admit"] as const;
  const since = (momentMs: number | null, fromMs: number) =>
    momentMs === null ? "–" : ((momentMs - fromMs) / 1000).toFixed(1);
  const head = [String(isolates), String(requestsPerSecond), String(allUpMs / 1000)];
  const calmSeconds = secondsIn(calmFromMs, downFromMs);
  const exchanges = calmSeconds.reduce((sum, second) => sum + gate.askedIn(second, "exchange"), 0);
  // Open for 10 s at first: from here on somebody is the probe.
  const probedFromMs = (opened ?? endMs) + 10_000;
  return {
    calm: [
      ...head,
      since(lastUnknownAtMs, 0),
      String(most(0, calmFromMs, ...all)),
      (exchanges / calmSeconds.length).toFixed(0),
      since(oldestMs, 0),
    ],
    outage: [
      ...head,
      since(opened, downFromMs),
      String(wastedBefore),
      String(wastedAfter),
      String(most(downFromMs, endMs, ...all)),
      since(gate.longestWaitMs(downFromMs, endMs), 0),
      String(most(probedFromMs, Math.min(probedFromMs + 3_000, endMs), "enter")),
      String(most(downUntilMs - 5_000, downUntilMs, "admit")),
      since(recoveredAtMs, downUntilMs),
      allBack >= seconds.length ? "–" : since(allBack * 1000, downUntilMs),
    ],
  };
}

/** The whole seconds between two moments, by number. */
function secondsIn(fromMs: number, untilMs: number): number[] {
  const from = Math.floor(fromMs / 1000);
  return Array.from({ length: Math.max(0, Math.ceil(untilMs / 1000) - from) }, (_, index) => from + index);
}
