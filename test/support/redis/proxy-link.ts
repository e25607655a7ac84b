/** One connection through the proxy. */
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { CutOptions, ProxyMode } from "./proxy.ts";

export interface LinkState {
  mode: ProxyMode;
  nextCut: (Required<CutOptions> & { readonly of: "request" | "reply" }) | null;
  roundTrips: number;
}

export interface Link {
  reset(): void;
  endClient(): void;
}

/** One client's connection and the one to the server that stands for it. */
export function link(client: Socket, server: Socket, state: LinkState): Link {
  let dead = false;
  let clientSpokeLast = false;
  let replyBytesLeft: number | null = null;
  /** Resolves when all that the client said so far has gone on. */
  let sent = Promise.resolve();

  const destroy = () => {
    client.destroy();
    server.destroy();
  };

  /** In the kernel's hands before the connection ends: the other side gets it. */
  const writeAndEnd = (socket: Socket, bytes: Buffer) => {
    dead = true;
    socket.write(bytes, destroy);
  };

  const toServer = (bytes: Buffer) => {
    const cut = state.nextCut;
    if (cut === null || !cut.request.test(bytes.toString("latin1"))) {
      server.write(bytes);
      return;
    }
    state.nextCut = null;
    if (cut.of === "request") writeAndEnd(server, bytes.subarray(0, cut.afterBytes));
    else {
      replyBytesLeft = cut.afterBytes;
      server.write(bytes);
    }
  };

  /** In order, whatever the mode was when each of them came. */
  const inTurn = async (before: Promise<void>, step: () => void) => {
    const dueMs = performance.now() + (state.mode.kind === "delay" ? state.mode.delayMs : 0);
    await before;
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) await pause(leftMs);
    if (!dead) step();
  };

  client.on("data", (bytes: Buffer) => {
    if (!clientSpokeLast) state.roundTrips++;
    clientSpokeLast = true;
    dead ||= state.mode.kind === "blackHole";
    sent = inTurn(sent, () => toServer(bytes));
  });

  server.on("data", (bytes: Buffer) => {
    clientSpokeLast = false;
    dead ||= state.mode.kind === "blackHole";
    if (dead || client.writableEnded) return;
    if (replyBytesLeft === null) client.write(bytes);
    else if (bytes.length < replyBytesLeft) {
      replyBytesLeft -= bytes.length;
      client.write(bytes);
    } else writeAndEnd(client, bytes.subarray(0, replyBytesLeft));
  });

  client.on("end", () => {
    sent = inTurn(sent, () => server.end());
  });
  client.on("close", (isBroken) => {
    // One that said all it had to say is still heard out.
    if (isBroken || dead) server.destroy();
  });
  // Out of a black hole nothing comes, not even an end.
  const isSilent = () => dead || state.mode.kind === "blackHole";
  server.on("end", () => {
    if (!isSilent()) client.end();
  });
  server.on("close", () => {
    if (!isSilent()) client.destroy();
  });
  for (const socket of [client, server]) socket.on("error", () => undefined);

  return {
    reset() {
      client.resetAndDestroy();
      server.destroy();
    },
    endClient: () => client.end(),
  };
}
