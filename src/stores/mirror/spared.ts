/** A secondary store that is left alone while it doesn't answer. */
import { MirrorAway, type MirrorCommands } from "./mirror-commands.ts";
import { ask, failed, isResting, patient } from "./patience.ts";

/**
 * Whatever goes wrong is `MirrorAway`, without what the store said: that may quote a ticket.
 *
 * @param onAway is told of the failure with which a rest begins
 */
export function spared(
  commands: MirrorCommands,
  nowMs: () => number,
  onAway: (error: unknown) => void,
): MirrorCommands {
  let patience = patient;
  return {
    async run(command) {
      const asked = ask(patience, nowMs());
      if (asked === null) throw new MirrorAway("it has not answered lately");
      patience = asked;
      try {
        const reply = await commands.run(command);
        patience = patient;
        return reply;
      } catch (error) {
        const wasResting = isResting(patience);
        patience = failed(patience, nowMs());
        if (!wasResting && isResting(patience)) onAway(error);
        throw new MirrorAway("it has not answered");
      }
    },
  };
}
