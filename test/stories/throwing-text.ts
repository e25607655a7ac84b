/** A text for which every platform is made to throw in an adapter. */
export const throwingText = "this text throws in our own code";
