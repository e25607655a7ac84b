/** A webhook as it is sent: Standard Webhooks 1.0. */
import type { PushRequest } from "./post.ts";
import type { Receiver } from "./receivers.ts";
import { signedHeaders, type Hmac } from "./signature.ts";

export interface Signing {
  readonly hmac: Hmac;
  /** Of the service. */
  readonly version: string;
}

/** @param url in place of the receiver's own */
export async function webhookRequest(
  receiver: Receiver,
  url: string,
  eventId: string,
  body: string,
  nowMs: number,
  { hmac, version }: Signing,
): Promise<PushRequest> {
  const timestamp = Math.floor(nowMs / 1_000);
  const signed = await signedHeaders({ id: eventId, timestamp, body, secrets: receiver.secrets }, hmac);
  return {
    url,
    headers: {
      "content-type": "application/json",
      "user-agent": `llm-provider-service/${version}`,
      ...signed,
    },
    body,
    reach: receiver.reach,
  };
}
