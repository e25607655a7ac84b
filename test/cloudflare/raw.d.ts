/** Vite gives a file's text where its name is followed by this. */
declare module "*?raw" {
  const text: string;
  // eslint-disable-next-line import/no-default-export -- it is how vite exports it
  export default text;
}
