/** One POST. */
import type { PostOutcome } from "../push/post.ts";

export function plainFetch(url: string) {
  return async (headers: Readonly<Record<string, string>>, body: string): Promise<PostOutcome> => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), 15_000);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: controller.signal,
      });
      await response.body?.cancel();
      return { kind: "status", status: response.status, retryAfterMs: null };
    } catch {
      return { kind: "other" };
    } finally {
      clearTimeout(timer);
    }
  };
}
