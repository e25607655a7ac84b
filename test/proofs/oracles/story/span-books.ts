/** The spans that a service has sent, held against what clients and vendors know. */
import type { ReceivedSpan } from "../../../support/otlp-receiver.ts";
import type { Books } from "./books.ts";
import { markIn } from "./calls.ts";
import { routes } from "./ledger.ts";

/** OTLP's numbers. */
const kinds = { own: 1, request: 2, call: 3, kept: 4, worked: 5 } as const;

/** @returns what doesn't agree, a sentence each */
export function spanDisagreements(
  spans: readonly ReceivedSpan[],
  { heard, calls, ended }: Books,
): readonly string[] {
  const of = (kind: keyof typeof kinds) => spans.filter((span) => span.kind === kinds[kind]);
  const kept = heard.filter(({ route, status }) => route === routes.comparison && status === 202);
  const marks = new Set(kept.map(({ mark }) => mark));
  const accepted = new Set(of("kept").map(({ spanId }) => spanId));
  const unlinked = of("worked").filter(({ links }) => !links.some(({ spanId }) => accepted.has(spanId)));
  const wanted: readonly (readonly [what: string, spans: number, inBooks: number])[] = [
    // Who waits for a start asks for `/`, and who looks for canaries for `/console`.
    ["requests", of("request").filter(({ name }) => !/^GET \/(console.*)?$/.test(name)).length, heard.length],
    ["calls", of("call").length, calls.length],
    ["tickets that were kept", of("kept").length, kept.length],
    [
      "calls for tickets",
      of("worked").length,
      calls.filter(({ bodyText }) => marks.has(markIn(bodyText))).length,
    ],
    [
      "tickets that ended badly",
      of("own").length,
      ended.filter(({ end }) => end === "failed" || end === "expired").length,
    ],
    ["calls for tickets without a link to the span that kept theirs", unlinked.length, 0],
  ];
  return wanted
    .filter(([, found, inBooks]) => found !== inBooks)
    .map(([what, found, inBooks]) => `${what}: ${found} spans, ${inBooks} in the books`);
}
