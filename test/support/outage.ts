/** A vendor that a test takes down and brings back, under a service whose every call is written down. */
import type { Ticket } from "../../src/domain/ticket/ticket.ts";
import { refused, verdict, type Step } from "./scripted-transport.ts";
import { testService, type ServiceOptions } from "./service.ts";

export interface OutageOptions extends Omit<ServiceOptions, "steps"> {
  /** How long a good answer takes, in milliseconds. 0 unless told. */
  readonly answerMs?: number;
}

/** Comparisons are told apart by their first essay. The vendor is well until a test says what it answers instead. */
export function outage({ answerMs = 0, random = () => 0, ...options }: OutageOptions = {}) {
  let answer: Step | ((essay: string) => Step) = verdict();
  const calls: { readonly essay: string; readonly atMs: number }[] = [];
  const service = testService({
    ...options,
    random,
    steps(call) {
      const essay = /essay-\w+/.exec(call.body ?? "")?.[0] ?? "";
      calls.push({ essay, atMs: service.clock.nowMs() - startMs });
      const step = typeof answer === "function" ? answer(essay) : answer;
      return typeof step === "object" && "text" in step && step.status === undefined
        ? { delayMs: answerMs, ...step }
        : step;
    },
  });
  const startMs = service.clock.nowMs();
  const ids = new Map<string, string>();

  /** Asks about an essay of that name. @returns the HTTP status */
  async function ask(name: string, changes: object = {}): Promise<number> {
    const essay = `essay-${name}`;
    const { status, body } = await service.compare({ essay_a: essay, ...changes });
    if (status === 202) ids.set(essay, String(body["queue_id"]));
    return status;
  }

  return {
    ...service,
    calls,
    ask,
    queue: (name: string, changes: object = {}) => ask(name, { processing_mode: "queue", ...changes }),
    /** What the vendor answers from now on. */
    answerWith(step: Step | ((essay: string) => Step)) {
      answer = step;
    },
    goDown: () => (answer = refused(503)),
    comeBack: () => (answer = verdict()),
    idOf: (name: string) => ids.get(`essay-${name}`) ?? "",
    ticket: (name: string): Ticket | undefined => service.stores.stored.get(ids.get(`essay-${name}`) ?? ""),
    /** Names in the order in which they were called for, since the given call. */
    order: (since = 0) => calls.slice(since).map(({ essay }) => essay.replace("essay-", "")),
    times: (since = 0) => calls.slice(since).map(({ atMs }) => atMs),
  };
}
