/** Every answer leaves through here, so that each has its correlation id and none is ever stored by a cache. */

/**
 * @param correlationId goes into `X-Correlation-ID`
 * @param headers further headers, in lower case
 */
export function jsonAnswer(
  status: number,
  body: unknown,
  correlationId: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  return textAnswer(status, JSON.stringify(body), jsonType, correlationId, headers);
}

export const jsonType = "application/json; charset=UTF-8";

export function textAnswer(
  status: number,
  text: string,
  contentType: string,
  correlationId: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  // A plain object: on Node, Hono's server hands it to `writeHead` as it is, without building web-standard headers first.
  return new Response(text, {
    status,
    headers: {
      "content-type": contentType,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-correlation-id": correlationId,
      ...headers,
    },
  });
}
