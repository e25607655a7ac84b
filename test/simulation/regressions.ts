/** Seeds that once failed, and what they showed. They are run always. A change of how seeds are drawn makes other histories of them. */
export const regressions: readonly { readonly seed: number; readonly sentence: string }[] = [];
