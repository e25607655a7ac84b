/**
 * When this thread listened. A busy machine lets it hear late, and a call seems to have come when it was heard. What can be known is when it was
 * not sent yet: the event loop had nothing to read of it.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";

export interface Ears {
  /** The earliest moment at which what was heard whole at this moment can have been sent. Epoch milliseconds. */
  sentFrom(heardAtMs: number): number;
  close(): void;
}

/** A moment at which the loop had read what there was. */
export interface Tick {
  readonly atMs: number;
  /** A connection was taken since the tick before. Of those that wait Node takes one in each turn of the loop, so more of them may wait still. */
  readonly tookConnection: boolean;
}

const everyMs = 5;
const connections = "net.server.socket";

/** A head is read, a body is read: each may need a turn of the loop. */
const turnsToRead = 2;

export function openEars(): Ears {
  const ticks: Tick[] = [{ atMs: Date.now(), tookConnection: false }];
  let tookConnection = false;
  let isDue = false;
  // Timers that are late ring several times in one turn of the loop; this comes once, when the turn has read what there was.
  const tick = () => {
    isDue = false;
    ticks.push({ atMs: Date.now(), tookConnection });
    tookConnection = false;
  };
  const timer = setInterval(() => {
    if (!isDue) setImmediate(tick);
    isDue = true;
  }, everyMs);
  const onConnection = () => {
    tookConnection = true;
  };
  subscribe(connections, onConnection);
  return {
    sentFrom: (heardAtMs) => sentFrom(ticks, heardAtMs),
    close() {
      clearInterval(timer);
      unsubscribe(connections, onConnection);
    },
  };
}

/** @param ticks in a row, each in another turn of the loop */
export function sentFrom(ticks: readonly Tick[], heardAtMs: number): number {
  // A tick of the same millisecond may be of the turn that has heard it.
  let at = ticks.findLastIndex(({ atMs }) => atMs < heardAtMs) - turnsToRead;
  while (ticks[at]?.tookConnection === true) at--;
  // In the turn of this tick no connection waited. It came after that turn had looked, so after the tick before.
  return ticks[Math.max(0, at - 1)]?.atMs ?? heardAtMs;
}
