/** The stories over one Node process, which keeps its tickets in a file. */
import { resolve } from "node:path";
import { inject } from "vitest";
import { startNodeService } from "../support/node-service.ts";
import { testStories } from "../stories/suite.ts";
import { freshLanes, storySettings } from "../stories/world.ts";

testStories({
  name: "one Node process over SQLite",
  async open() {
    const lanes = await freshLanes(inject("fakeUpstreamUrl"), "stories-sqlite");
    const service = await startNodeService({
      ...(await storySettings(lanes)),
      NODE_OPTIONS: `--import=${resolve("test/stories/throwing.ts")}`,
    });
    return {
      lanes,
      ask: service.request,
      close: async () => {
        service.kill("SIGKILL");
        await service.ended;
      },
    };
  },
});
