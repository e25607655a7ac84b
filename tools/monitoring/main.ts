/** `npm run dashboard`: makes docs/monitoring/dashboard.json anew, after a change of its panels. */
import { writeFileSync } from "node:fs";
import { dashboardText } from "./dashboard.ts";

writeFileSync("docs/monitoring/dashboard.json", dashboardText());
