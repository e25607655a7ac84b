/** The wire: what a vendor's edge writes oddly is read for what it says. */
import { expect } from "vitest";
import type { Story } from "./story.ts";

const verdict = '{"boundary":"%boundary%","justification":"It argues.","winner":"Essay B","confidence":2}';
const message = { content: [{ type: "text", text: verdict }], stop_reason: "end_turn" };

export const wire: readonly Story[] = [
  {
    kind: "the wire",
    at: "anthropic",
    name: "an odd word for the encoding of a plain body is no fault",
    async tell(desk) {
      const headers = { "content-encoding": "Identity" };
      await desk.vendorSays({ fault: "raw", body: message, headers, times: "forever" });
      const { status, body } = await desk.live();
      expect([status, body["winner"]]).toEqual([200, "Essay B"]);
      await desk.vendorSays();
    },
  },
  {
    kind: "the wire",
    at: "openai",
    name: "a Retry-After that a proxy has doubled is read, and waited for",
    async tell(desk) {
      await desk.vendorSays({ fault: "rateLimited", retryAfter: "2, 2" });
      const refused = await desk.live();
      expect([refused.status, refused.body["error_type"]]).toEqual([503, "RATE_LIMIT"]);
      expect(Number(refused.body["retry_after"])).toBeLessThanOrEqual(2);
      const ticket = await desk.queue();
      await desk.untilJudged([ticket]);
      await desk.untilCalm();
    },
  },
  {
    kind: "the wire",
    at: "google",
    name: "an error in a list is the error that it holds",
    async tell(desk) {
      const error = { code: 400, message: "Please pass a valid API key.", status: "INVALID_ARGUMENT" };
      const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }];
      await desk.vendorSays({ fault: "raw", status: 400, body: [{ error: { ...error, details } }] });
      const { status, body } = await desk.live();
      expect([status, body["error_type"]]).toEqual([502, "INVALID_API_KEY"]);
      // One ticket asks again.
      await desk.untilJudged([await desk.queue()]);
      await desk.untilCalm();
    },
  },
];
