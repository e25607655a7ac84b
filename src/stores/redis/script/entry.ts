/** What Redis runs. */
import { ofGate, scriptReply } from "./main.ts";

export const reply = scriptReply(ofGate);
