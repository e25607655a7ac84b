/** True for this machine's own names: 127.0.0.0/8, ::1 (also in brackets, as URLs have it) and localhost. */
export function isLoopback(host: string): boolean {
  return /^(localhost|::1|\[::1\]|127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3})$/i.test(host);
}
