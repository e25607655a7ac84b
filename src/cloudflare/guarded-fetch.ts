/**
 * POSTs to receivers that somebody else runs. An address can't be pinned here: the platform resolves names itself, after our look at them, and a
 * deployed Worker has no network behind it. What is left to us: no addresses for hosts, which a certificate hardly names anyway; https; no redirects;
 * and `global_fetch_strictly_public` (`wrangler.toml`), with which hosts of the Worker's own zone are reached by their front door as all others are.
 */
import { isLoopback } from "../domain/loopback.ts";
import { waitInHeader } from "../providers/retry-hints.ts";
import { mostAnswerBytes, postTimeoutMs, type Post, type Reach } from "../push/post.ts";

export function guardedFetch(timeoutMs = postTimeoutMs): Post {
  return async ({ url, headers, body, reach }, stopping) => {
    if (!mayFetch(new URL(url), reach)) return { kind: "blocked" };
    // Not `AbortSignal.timeout`: until its time is over it keeps an object awake, which is paid for (seen in workerd of 2026-11).
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const signal = stopping === undefined ? limit.signal : AbortSignal.any([limit.signal, stopping]);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body,
        signal,
        redirect: "manual",
        cache: "no-store",
      });
      await thrownAway(response.body);
      const retryAfterMs = waitInHeader(response.headers.get("retry-after"), Date.now());
      return { kind: "status", status: response.status, retryAfterMs };
    } catch {
      // The platform doesn't say why: a wrong certificate is an "internal error" to workerd of 2026-11, and a status of 526 once deployed.
      return { kind: limit.signal.aborted ? "timeout" : "other" };
    } finally {
      clearTimeout(timer);
    }
  };
}

/** `private` is no more than `public`: nothing private is reached from here. Once parsed, an IPv4 address has its plain form and IPv6 its brackets. */
function mayFetch({ protocol, hostname }: URL, reach: Reach): boolean {
  if (reach === "loopback") return isLoopback(hostname);
  return protocol === "https:" && !/^\[|^[\d.]+$|(^|\.)localhost\.?$/.test(hostname);
}

/** The status has come: nothing in the rest changes it. Leaving the loop cancels it, and frees the connection. */
async function thrownAway(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > mostAnswerBytes) return;
    }
  } catch {
    // It broke, or the time is up.
  }
}
