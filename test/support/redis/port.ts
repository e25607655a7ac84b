import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that nobody listens on at this moment, below those that the kernel hands to outgoing connections: while its server is
 * killed, no connection of somebody else takes it, and a client that knocks again and again never reaches itself.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = 16_000 + Math.floor(Math.random() * 16_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
