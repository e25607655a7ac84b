/** The one comparison that every candidate is asked, in each wire shape, and the one judgement that the fake upstream gives. */

/** Curly quotes and dashes are deliberate: one character above U+00FF and V8 holds the whole text as two-byte strings, as with real essays. */
const sentences = [
  "When we say that a town “remembers”, we mean that somebody walked its streets and wrote the names down. ",
  "The first witness is the river, which floods every spring – and is forgiven every summer. ",
  "It isn’t the bridge that made the market; it’s the market that paid, stone by stone, for the bridge. ",
  "A reader may object that all of this is hearsay, and the objection is fair as far as it goes. ",
  "Yet the ledgers agree with the songs: “eleven carts of salt, two of glass”, in the very week the ballad names. ",
  "So the argument rests on three legs, and I’ll take away each in turn to see whether the table stands. ",
];

const essayBytes = 5500;

function essay(firstSentence: number): string {
  let text = "";
  for (let index = firstSentence; Buffer.byteLength(text) < essayBytes; index++) {
    text += sentences[index % sentences.length];
  }
  return text.trimEnd();
}

const essayA = essay(0);
const essayB = essay(3);
const userPrompt =
  "Judge which of the two essays answers the question better: “What does a town owe to its river?” Weigh the argument and its evidence " +
  "first, then structure, then style. Don’t reward length. Quote what decided it.\n\nEssay A:\n{essay_a}\n\nEssay B:\n{essay_b}";
const filledPrompt = userPrompt.replace("{essay_a}", essayA).replace("{essay_b}", essayB);

const model = "gpt-bench";

/** `POST /api/v1/comparison`, as a client of this service sends it. */
export const comparisonBody = JSON.stringify({ user_prompt: userPrompt, essay_a: essayA, essay_b: essayB });

/** The same comparison, to be kept as a ticket. */
export const ticketBody = JSON.stringify({
  ...(JSON.parse(comparisonBody) as object),
  processing_mode: "queue",
});

/** The same again, with a number by which the upstream can tell it from others. @param mode what may happen with it */
export function numberedBody(number: number, mode: "queue" | "immediate"): string {
  return JSON.stringify({
    ...(JSON.parse(comparisonBody) as object),
    user_prompt: `Comparison number ${number}. ${userPrompt}`,
    processing_mode: mode,
  });
}

/** The number in what the upstream was sent; 0: there is none. */
export function numberIn(text: string): number {
  return Number(/Comparison number (\d+)\./.exec(text)?.[1] ?? 0);
}

/** Whether an answer is that of a comparison that was kept. */
export function isTicket(body: string): boolean {
  return body.includes('"queue_id"') && body.includes('"status":"queued"');
}

/** The same texts in OpenAI's Responses shape: what the pass-through and the direct call carry. */
export const responsesBody = JSON.stringify({ model, input: [{ role: "user", content: filledPrompt }] });

/** The same texts in OpenAI's chat shape, which other gateways take. */
export const chatBody = JSON.stringify({ model, messages: [{ role: "user", content: filledPrompt }] });

/** Fewer bytes than this at the upstream and the candidate lost an essay on the way. */
export const leastUpstreamBytes = Buffer.byteLength(essayA) + Buffer.byteLength(essayB);

const justification =
  "Essay A ties each claim to a ledger or a witness and says what would refute it; Essay B’s images are stronger, yet its second half " +
  "repeats the first without new evidence.";
/** To be signed for each comparison. */
const judgement = JSON.stringify({
  boundary: "%boundary%",
  justification,
  winner: "Essay A",
  confidence: 4.2,
});

/** Whether an answer, in any of the shapes, carries the judgement that the upstream gave. */
export function carriesTheJudgement(body: string): boolean {
  return body.includes(justification) && body.includes("Essay A") && body.includes("4.2");
}

/** The upstream's answer at `/v1/responses`, to be signed. */
export const responsesAnswer = JSON.stringify({
  id: "resp_bench",
  object: "response",
  created_at: 1_780_000_000,
  status: "completed",
  error: null,
  incomplete_details: null,
  model,
  output: [
    {
      type: "message",
      id: "msg_bench",
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text", annotations: [], text: judgement }],
    },
  ],
  usage: {
    input_tokens: 2600,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 60,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2660,
  },
});

/** The upstream's answer at `/v1/chat/completions`, to be signed. */
export const chatAnswer = JSON.stringify({
  id: "chatcmpl_bench",
  object: "chat.completion",
  created: 1_780_000_000,
  model,
  choices: [
    { index: 0, message: { role: "assistant", content: judgement, refusal: null }, finish_reason: "stop" },
  ],
  usage: { prompt_tokens: 2600, completion_tokens: 60, total_tokens: 2660 },
});
