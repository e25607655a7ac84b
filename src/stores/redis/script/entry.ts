/** What Redis runs. */
import { answer, ofGate } from "./main.ts";

export const reply = answer(ofGate);
