/** What Redis runs. */
import { answerCalls, ofGate } from "./main.ts";

export const reply = answerCalls(ofGate);
