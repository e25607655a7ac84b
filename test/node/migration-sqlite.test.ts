/** What older code has left in the SQLite file, under the present code. */
import type { Manifest, SqliteFixture } from "../migration/fixture.ts";
import { loadSqlite } from "../migration/load-sqlite.ts";
import { moveTo } from "../migration/moments.ts";
import { filesIn, folderForTest, oldCommits, openWorld, readFixture } from "../migration/node-world.ts";
import { testMigration } from "../migration/suite.ts";

for (const commit of oldCommits) {
  const { madeAtMs, file } = readFixture<SqliteFixture>(commit, "sqlite.json");
  const manifest = readFixture<Manifest>(commit, "sqlite.manifest.json");

  testMigration({
    name: "SQLite",
    manifest,
    ownerIsDead: true,
    silent: { fault: "stall", times: "forever" },
    async open(ageMs, steps) {
      const folder = folderForTest();
      const move = moveTo(madeAtMs, Date.now(), ageMs);
      loadSqlite(folder, file, move);
      const world = await openWorld(manifest, folder, move, steps);
      return { ...world, stored: async () => filesIn(folder) };
    },
  });
}
