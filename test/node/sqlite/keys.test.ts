import { testKeys } from "../../contracts/keys.ts";
import { sqliteForTest } from "../../support/sqlite-store.ts";

testKeys(() => sqliteForTest());
