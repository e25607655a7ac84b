/** One POST. */
import { Agent, request } from "undici";
import type { PostOutcome } from "../../push/post.ts";

export function plainPost(url: string) {
  const agent = new Agent({ connections: 8 });
  return async (headers: Readonly<Record<string, string>>, body: string): Promise<PostOutcome> => {
    try {
      const answer = await request(url, {
        method: "POST",
        headers: { ...headers },
        body,
        dispatcher: agent,
        signal: AbortSignal.timeout(15_000),
      });
      await answer.body.dump();
      return { kind: "status", status: answer.statusCode, retryAfterMs: null };
    } catch {
      return { kind: "refused" };
    }
  };
}
