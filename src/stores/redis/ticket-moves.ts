/** One move of one ticket in Redis: what the domain decides over a record that was read is written only if nobody has written since. */
import type { Moved } from "../../domain/ticket/steps.ts";
import { isEnded, isForgotten, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import type { TicketEnded } from "../../telemetry/events.ts";
import { endedBy } from "../../telemetry/ticket-events.ts";
import { root, type Redis } from "./redis.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { ticketInRecord, written, type Change, type Read } from "./ticket-record.ts";
import type { ToldEnds } from "./told-ends.ts";

export interface RedisMovesParts {
  readonly redis: Redis;
  readonly script: ScriptRunner;
  readonly policy: TicketPolicy;
  readonly toldEnds: ToldEnds;
  /** Hears whenever the texts of a ticket were erased. */
  readonly onErased?: () => void;
  /** Hears of a ticket's end, once that is stored. Absent: nobody does. */
  readonly onEnd?: (ended: TicketEnded) => void;
}

/**
 * Where a move changes nothing, nothing is written.
 *
 * @param known what is known of the ticket; absent, or `null`: it is read
 * @returns `null`: there is no such ticket
 */
export type MoveTicket = <Reply>(
  id: string,
  act: Change<Reply>,
  known?: Read | null,
) => Promise<(Moved<Reply> & { readonly revision: number }) | null>;

export function redisMoves(parts: RedisMovesParts): MoveTicket {
  const { redis, script, policy, toldEnds } = parts;

  async function readNow(id: string): Promise<Read | null> {
    const row = await redis.command("HMGET", recordKey(id), "record", "texts", "revision", "claim");
    return present(ticketInRecord(row as readonly unknown[], policy));
  }

  function present(read: Read | null): Read | null {
    return read === null || isForgotten(read.ticket, script.nowMs()) ? null : read;
  }

  return async <Reply>(
    id: string,
    act: Change<Reply>,
    known: Read | null = null,
  ): Promise<(Moved<Reply> & { readonly revision: number }) | null> => {
    let read = known ?? (await readNow(id));
    for (;;) {
      if (read === null) return null;
      const { ticket, revision } = read;
      const atMs = script.nowMs();
      const moved = act(ticket, atMs);
      if (moved.ticket === ticket) return { ...moved, revision };
      const { told, texts } = written(moved.ticket, moved.events, false);
      const call = { verb: "change", revision, atMs, ...told, ...toldEnds.of(moved) } as const;
      const [answer, ...row] = await script.atGate(ticket.about.provider, call, texts);
      if (answer === "stored") {
        toldEnds.areStored(call, row[0]);
        if (isEnded(moved.ticket.state)) parts.onErased?.();
        const ended = endedBy(moved);
        if (ended !== null) parts.onEnd?.(ended);
        return { ...moved, revision: revision + 1 };
      }
      read = present(ticketInRecord(row, policy));
    }
  };
}

export function recordKey(id: string): string {
  return `${root}queue:requests:${id}`;
}
