/** What every platform's signatures promise, held by the verifiers that receivers have: `standardwebhooks` and OpenAI's. */
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { signedHeaders, type Hmac } from "../../src/push/signature.ts";

const secretOf = (letter: string, bytes = 32) => `whsec_${btoa(letter.repeat(bytes))}`;
const [fresh, old, another] = [secretOf("n", 24), secretOf("o", 64), secretOf("x")];
const id = "evt_0199a0de-0000-7000-8000-000000000000_4";
const body = JSON.stringify({ type: "ticket.completed", data: { said: "é€😀", lone: "\ud83d" } });

type Headers = Readonly<Record<string, string>>;
type Verify = (secret: string, headers: Headers, text: string) => unknown;

const verifiers: readonly (readonly [name: string, verify: Verify])[] = [
  ["standardwebhooks", (secret, headers, text) => new Webhook(secret).verify(text, headers)],
  [
    "openai",
    (secret, headers, text) =>
      new OpenAI({ apiKey: "none", dangerouslyAllowBrowser: true }).webhooks.unwrap(text, headers, secret),
  ],
];

export function itSignsAsReceiversVerify(hmac: Hmac): void {
  const nowSeconds = () => Math.floor(Date.now() / 1_000);
  const sign = (secrets: readonly string[], timestamp = nowSeconds()) =>
    signedHeaders({ id, timestamp, body, secrets }, hmac);

  it.each(verifiers)(
    "%s takes a webhook with the new secret and with the old one, and with no other",
    async (_, verify) => {
      const headers = await sign([fresh, old]);
      expect(await verify(fresh, headers, body)).toEqual(JSON.parse(body));
      expect(await verify(old, headers, body)).toEqual(JSON.parse(body));
      await expect(async () => verify(another, headers, body)).rejects.toThrow(/signature/i);
      const onlyNew = await sign([fresh]);
      await expect(async () => verify(old, onlyNew, body)).rejects.toThrow(/signature/i);
    },
  );

  it.each(verifiers)("%s takes it for 5 minutes, and not for a second longer", async (_, verify) => {
    // Between two seconds the receiver's clock may go on.
    expect(await verify(fresh, await sign([fresh], nowSeconds() - 298), body)).toEqual(JSON.parse(body));
    const late = await sign([fresh], nowSeconds() - 301);
    await expect(async () => verify(fresh, late, body)).rejects.toThrow(/too old/i);
  });

  it.each(verifiers)("%s refuses another body, id or time under its signature", async (_, verify) => {
    const headers = await sign([fresh, old]);
    const changed: readonly (readonly [Headers, string])[] = [
      [headers, body.replace("é", "è")],
      [headers, `${body} `],
      [{ ...headers, "webhook-id": `${id}1` }, body],
      [{ ...headers, "webhook-timestamp": String(nowSeconds() - 7) }, body],
    ];
    for (const [given, text] of changed)
      await expect(async () => verify(fresh, given, text)).rejects.toThrow(/signature/i);
  });

  it("gives one signature for each secret, in their order, of bytes as they are sent", async () => {
    const headers = await signedHeaders(
      { id, timestamp: 1_800_000_000, body: "é€😀", secrets: [fresh, old] },
      hmac,
    );
    expect(headers).toEqual({
      "webhook-id": id,
      "webhook-timestamp": "1800000000",
      "webhook-signature": [fresh, old]
        .map((secret) => new Webhook(secret).sign(id, new Date(1_800_000_000_000), "é€😀"))
        .join(" "),
    });
  });

  it.each([[[]], [["whsec_"]], [[""]], [[fresh, "whsec_"]], [[secretOf("a", 23)]]])(
    "signs nothing with %j, of which one is none",
    async (secrets) => {
      await expect(sign(secrets)).rejects.toThrow("No secret to sign with");
    },
  );
}
