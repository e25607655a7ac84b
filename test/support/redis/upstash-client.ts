/** An Upstash of one's own, from inside workerd: started and worked over HTTP. */
import type { UpstashOrder, UpstashSent } from "../upstash-setup.ts";
import type { UpstashFault } from "./upstash-faults.ts";

/** @param controlUrl `inject("upstashControlUrl")` */
export async function ownUpstash(controlUrl: string) {
  const { index, url, token } = (await (await fetch(`${controlUrl}/`, { method: "POST" })).json()) as {
    readonly index: number;
    readonly url: string;
    readonly token: string;
  };

  async function order<Answer>(given: UpstashOrder): Promise<Answer> {
    const response = await fetch(`${controlUrl}/${index}`, { method: "POST", body: JSON.stringify(given) });
    return (await response.json()) as Answer;
  }

  return {
    url,
    token,
    fail: (fault: UpstashFault, options: { readonly times?: number; readonly command?: string } = {}) =>
      order<null>({ kind: "fail", fault, ...options }),
    /** As new, but for what it was asked before. */
    async renew() {
      await order<null>({ kind: "heal" });
      await order<null>({ kind: "thaw" });
      await order<null>({ kind: "empty" });
      await order<null>({ kind: "requests" });
    },
    heal: () => order<null>({ kind: "heal" }),
    freeze: () => order<null>({ kind: "freeze" }),
    /** The names of the commands that came since this was last asked. */
    async asked(): Promise<readonly string[]> {
      const sent = await order<readonly UpstashSent[]>({ kind: "requests" });
      return sent.flatMap(({ commands }) => commands.map(([name]) => String(name)));
    },
    dump: () => order<Readonly<Record<string, unknown>>>({ kind: "dump" }),
    redis: (...command: readonly string[]) => order<unknown>({ kind: "redis", command }),
  };
}
