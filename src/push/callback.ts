/** May a comparison have its end told to this URL? */

/** What a tenant's `callback_url` may begin with. */
export interface CallbackPrefix {
  readonly tenant: string;
  readonly name: string;
  readonly url: string;
}

/**
 * Under a prefix is what has its scheme, host and port, and its path or what goes on after it with a slash. Both are compared as they are once they
 * are parsed, and so is the URL sent to.
 *
 * @returns the name of the tenant's prefix, the longest one; `null`: it is under none
 */
export function prefixOf(
  callbackUrl: string,
  tenant: string,
  prefixes: readonly CallbackPrefix[],
): string | null {
  const url = callbackOf(callbackUrl);
  if (url === null) return null;
  const fitting = prefixes
    .filter((prefix) => prefix.tenant === tenant)
    .map(({ name, url }) => ({ name, url: new URL(url) }))
    .filter((prefix) => isUnder(url, prefix.url));
  return fitting.toSorted((a, b) => b.url.pathname.length - a.url.pathname.length)[0]?.name ?? null;
}

/** Longer ones are nobody's, and each is kept with its ticket. */
const longest = 2_048;

/**
 * Characters that parsers drop or turn into others (blanks, backslashes) are not taken at all, so that whoever reads the text sees where it goes.
 * What is escaped is compared as it is written, and a receiver may unescape it: a path that could then lead elsewhere is not taken either, nor is one
 * with `..;`, which some read as `..`.
 */
function callbackOf(text: string): URL | null {
  if (text.length > longest || !/^https?:\/\/[^\s\\#\p{Cc}\p{Cf}]+$/iu.test(text)) return null;
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return null;
  return /%(2e|2f|5c|25|00)|\/\.{1,2}(;|$)/i.test(url.pathname) ? null : url;
}

function isUnder(url: URL, prefix: URL): boolean {
  if (url.origin !== prefix.origin) return false;
  const folder = prefix.pathname.endsWith("/") ? prefix.pathname : `${prefix.pathname}/`;
  return url.pathname === prefix.pathname || url.pathname.startsWith(folder);
}
