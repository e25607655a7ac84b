/** What shows a receiver that a webhook comes from here: Standard Webhooks 1.0, version `v1` (HMAC-SHA256). */

/** HMAC-SHA256 of the text in UTF-8, in base64. */
export type Hmac = (key: Uint8Array<ArrayBuffer>, text: string) => string | Promise<string>;

export interface Signed {
  /** The same for every attempt of one event. Without a dot: dots divide what is signed. */
  readonly id: string;
  /** Of the attempt, in seconds since 1970: receivers refuse what is 5 minutes old. */
  readonly timestamp: number;
  /** As it is sent. */
  readonly body: string;
  /** `whsec_` and base64, at least one. Receivers take any signature that fits, so while a secret is replaced both sign. */
  readonly secrets: readonly string[];
}

/** @returns headers for the attempt, one signature for each secret in their order */
export async function signedHeaders(
  { id, timestamp, body, secrets }: Signed,
  hmac: Hmac,
): Promise<Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>>> {
  const keys = secrets.map(keyOf);
  if (keys.length === 0 || keys.some((key) => key.length < fewestBytes))
    throw new Error("No secret to sign with");
  const signatures = await Promise.all(keys.map((key) => hmac(key, `${id}.${timestamp}.${body}`)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.map((signature) => `v1,${signature}`).join(" "),
  };
}

/** The settings see to it. A signature by an empty secret would be anybody's. */
const fewestBytes = 24;

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (character) => character.charCodeAt(0));
}
