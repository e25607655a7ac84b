/** Those who say whether an attempt is genuine: each official library, in its own language. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";

export interface Sent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Verifier {
  readonly name: string;
  /** @returns of each, whether it is taken by who knows that secret, now */
  readonly take: (all: readonly (Sent & { readonly secret: string })[]) => Promise<readonly boolean[]>;
}

/** @param python with standardwebhooks */
export function verifiers(python: string): readonly Verifier[] {
  return [
    {
      name: "standardwebhooks in JavaScript",
      take: async (all) =>
        all.map(({ body, headers, secret }) => holds(() => new Webhook(secret).verify(body, { ...headers }))),
    },
    {
      name: "openai's unwrap",
      take: (all) =>
        Promise.all(
          all.map(({ body, headers, secret }) =>
            new OpenAI({ apiKey: "none", webhookSecret: secret }).webhooks.unwrap(body, headers).then(
              () => true,
              () => false,
            ),
          ),
        ),
    },
    {
      name: "standardwebhooks in Python",
      take: (all) =>
        askPython(
          python,
          all.map(({ body, headers, secret }) => ({ body, headers, secret })),
        ),
    },
  ];
}

function holds(answer: () => unknown): boolean {
  try {
    answer();
    return true;
  } catch {
    return false;
  }
}

function askPython(python: string, asked: readonly object[]): Promise<readonly boolean[]> {
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, "verify.py");
    const child = execFile(python, [script], { timeout: 60_000 }, (error, said) =>
      error === null ? resolve(JSON.parse(said) as boolean[]) : reject(error),
    );
    child.stdin?.end(JSON.stringify(asked));
  });
}
