/** `npm run dev:upstream`: the fake upstream by itself, on the lane `dev`. */
import { optionsOf, wholeNumber } from "../command-line.ts";
import type { RecordedRequest } from "./script.ts";
import { startFakeUpstream } from "./server.ts";

const help = `npm run dev:upstream -- [options]
  --port 8090    where it listens, on 127.0.0.1; 0: on any port that is free`;
const options = optionsOf(help, { port: { type: "string", default: "8090" } });

const upstream = await startFakeUpstream({
  port: wholeNumber(help, "port", options.port, 0, 65535),
  onCall: log,
});
const { url, baseUrls } = upstream.lane("dev");

console.log(`The fake upstream of all four vendors listens on ${upstream.url}.

Point the service at it:

  env ANTHROPIC_BASE_URL=${baseUrls.anthropic} ANTHROPIC_API_KEY=fake \\
      OPENAI_BASE_URL=${baseUrls.openai} OPENAI_API_KEY=fake \\
      GOOGLE_BASE_URL=${baseUrls.google} GOOGLE_API_KEY=fake \\
      OPENROUTER_BASE_URL=${baseUrls.openrouter} OPENROUTER_API_KEY=fake \\
      npm start

Then make trouble (every fault: tools/fake-upstream/script.ts):

  curl -X POST ${url}/__script -d '[{"fault":"overloaded","times":3}]'
  curl -X POST ${url}/__script -d '[{"fault":"status","status":503,"times":"forever"}]'
  curl -X POST ${url}/__script -d '[{"fault":"rateLimited","retryAfter":20,"vendor":"openai"}]'
  curl -X POST ${url}/__script -d '[{"fault":"stall"},{"delayMs":3000},{"text":"It is a tie."}]'
  curl -X POST ${url}/__script -d '[{"judgement":{"winner":"Essay B","confidence":2},"times":5}]'
  curl -X DELETE ${url}/__script      # all well again
  curl ${url}/__requests              # what it was sent

A key that begins with "bad" is refused; so is a model that begins with "no-such". Ctrl-C ends it.
`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void upstream.close());

function log(request: RecordedRequest): void {
  const { receivedAtMs, endedAtMs, vendor, route, model, outcome, status, aborted, refusal } = request;
  const time = new Date(receivedAtMs).toISOString().slice(11, 23);
  const tookMs = (endedAtMs ?? receivedAtMs) - receivedAtMs;
  const end = aborted ? "client went away" : (refusal ?? "");
  console.log(
    [
      time,
      vendor,
      route === "judgement" ? model : `${route} ${model ?? ""}`,
      status ?? "---",
      outcome,
      `${tookMs} ms`,
      end,
    ]
      .join("  ")
      .trimEnd(),
  );
}
