/** A secondary store behind its breaker: left alone while it doesn't answer. */
import { MirrorAway, type MirrorCommands } from "./mirror-commands.ts";
import { askMirror, mirrorFailed, isMirrorOpen, closedMirror } from "./mirror-breaker.ts";

/**
 * Whatever goes wrong is `MirrorAway`, without what the store said: that may quote a ticket.
 *
 * @param onAway is told of the failure that opens the breaker
 */
export function behindBreaker(
  commands: MirrorCommands,
  nowMs: () => number,
  onAway: (error: unknown) => void,
): MirrorCommands {
  let breaker = closedMirror;
  return {
    async run(command) {
      const asked = askMirror(breaker, nowMs());
      if (asked === null) throw new MirrorAway("it has not answered lately");
      breaker = asked;
      try {
        const reply = await commands.run(command);
        breaker = closedMirror;
        return reply;
      } catch (error) {
        const wasOpen = isMirrorOpen(breaker);
        breaker = mirrorFailed(breaker, nowMs());
        if (!wasOpen && isMirrorOpen(breaker)) onAway(error);
        throw new MirrorAway("it has not answered");
      }
    },
  };
}
