import { policy, sqliteForTest } from "../../support/sqlite-store.ts";
import { testActions } from "../../contracts/actions.ts";

testActions(policy.retentionMs, () => sqliteForTest());
