import { testKeys } from "../../contracts/keys.ts";
import { durableForTest } from "../../support/durable-on-node.ts";

testKeys(() => durableForTest());
