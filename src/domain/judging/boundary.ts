/** Consonants alone: eight of them spell no word, in no language that writes with these letters, so no essay holds them by chance. */
const letters = "bcdfghjklmnpqrstvwxz";
const length = 8;

/**
 * The eight letters that stand on the first and last line of each essay and that the judge repeats in its verdict, one in 20⁸. They follow
 * from the hash of everything that was asked, both essays included, so whoever wrote an essay can't have known them.
 *
 * @param promptSha256 the hash of `canonicalText`, in hex
 */
export function boundaryOf(promptSha256: string): string {
  // 48 bits, which a number holds exactly.
  let rest = Number.parseInt(promptSha256.slice(0, 12), 16);
  let boundary = "";
  for (let place = 0; place < length; place++) {
    boundary += letters.charAt(rest % letters.length);
    rest = Math.floor(rest / letters.length);
  }
  return boundary;
}
