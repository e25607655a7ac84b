/**
 * Where no API keys are set, whoever reaches the service on this machine may ask. So may a browser that shows another site's page: it is on
 * this machine too, and the page can send it here. What the browser says of that is heard.
 */
import type { HonoRequest } from "hono";
import { isLoopback } from "../domain/loopback.ts";

/**
 * Addressed as this machine's own, by a caller of this machine. A name of another machine that leads here is a page's trick to read the answer
 * (DNS rebinding).
 */
export function isLocal(request: HonoRequest): boolean {
  const { hostname } = new URL(request.url);
  if (!isLoopback(hostname)) return false;
  // Another port of this machine is the same site: a page that is developed here may ask.
  if (request.header("sec-fetch-site")?.toLowerCase() === "cross-site") return false;
  const origin = request.header("origin");
  return origin === undefined || URL.parse(origin)?.hostname === hostname;
}
