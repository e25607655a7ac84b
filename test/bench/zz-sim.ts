import { simulateIsolates } from "./isolates.ts";
console.log(await simulateIsolates());
