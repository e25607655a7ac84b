/** Characters for property tests. */
import * as fc from "fast-check";

/** Any code point but half a surrogate pair. As the library's own unit `binary`, without the two seconds that takes each file that uses it to begin. */
export const anyCharacter = fc
  .oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code));
