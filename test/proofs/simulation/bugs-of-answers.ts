/** Deliberate bugs in what the judge is sent, and in what is answered to whom. */
import { boundaryOf } from "../../../src/domain/judging/boundary.ts";
import type { Bug } from "./bug.ts";
import { withKeys, withVendor } from "./bug.ts";
import { realParts } from "./seams.ts";

export const answerBugs: readonly Bug[] = [
  withVendor("an answer is kept for the next one who asks the same", ({ judge }) => {
    const answers = new Map<string, Awaited<ReturnType<typeof judge>>>();
    return {
      async judge(request, signal) {
        const known = answers.get(request.promptSha256);
        const reply = known ?? (await judge(request, signal));
        if (reply.outcome.ok) answers.set(request.promptSha256, reply);
        return reply;
      },
    };
  }),
  withVendor("another judge is asked when the first one fails", ({ judge }) => ({
    judge: (request, signal) =>
      judge(request.attempt > 1 ? { ...request, model: `${request.model}-mini` } : request, signal),
  })),
  withVendor("what can't be read is Essay A", ({ judge }) => ({
    async judge(request, signal) {
      const reply = await judge(request, signal);
      if (!reply.outcome.ok || reply.outcome.value.text.includes("Call ")) return reply;
      const boundary = boundaryOf(request.promptSha256);
      const text = `{"boundary":"${boundary}","justification":"It is better.","winner":"Essay A","confidence":3}`;
      return { ...reply, outcome: { ok: true, value: { ...reply.outcome.value, text } } };
    },
  })),
  withKeys("a key is free again after it succeeded", ({ end }) => ({
    end: (name, fence) => end(name, fence, { kind: "freed" }),
  })),
  withKeys("a key's lease ends before its request", ({ begin }) => ({
    begin: (name, sha, queueId) => begin(name, sha, queueId, 100),
  })),
  withKeys("a key's ticket has a new id each time", ({ begin }) => ({
    async begin(...given) {
      const begun = await begin(...given);
      return begun.kind === "begun" ? { ...begun, queueId: given[2] } : begun;
    },
  })),
  {
    name: "a ticket is shown to whoever has its id",
    plant: () => ({
      ...realParts,
      createGateway: (ports, policy) => ({
        ...realParts.createGateway(ports, policy),
        find: (id) => ports.tickets.load(id),
      }),
    }),
  },
  {
    name: "a ticket's call takes today's default model",
    plant: () => ({
      ...realParts,
      claims: ({ tickets, ...parts }) => ({
        ...parts,
        tickets: {
          ...tickets,
          async claim(...given) {
            const claim = await tickets.claim(...given);
            if (claim === null) return claim;
            const { ticket } = claim;
            const { about } = ticket;
            return { ...claim, ticket: { ...ticket, about: { ...about, model: `${about.provider}-1` } } };
          },
        },
      }),
    }),
  },
  {
    name: "a freed key's token is given again",
    plant: () => ({
      ...realParts,
      beginKeyed(...given) {
        const begun = realParts.beginKeyed(...given);
        if (begun.reply.kind !== "begun" || begun.reply.again) return begun;
        return { record: { ...begun.record, fence: 1 }, reply: { ...begun.reply, fence: 1 } };
      },
    }),
  },
];
