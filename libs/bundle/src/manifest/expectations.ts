/** What the named parts of the manifest schema ask for, in words; by name in its `$defs`. */
export const expectations: ReadonlyMap<string, string> = new Map([
  ['slug', '2 to 64 lower-case letters, digits, - and _, not beginning or ending with a sign'],
  ['ident', 'a name of letters, digits, _, . and -, beginning with a letter or _'],
  ['semver', 'a semantic version such as 1.2.3 or 1.2.3-beta.1, of 64 characters at most'],
  ['range', 'a version range such as ^1.2.0'],
  ['path', 'a path inside the package such as dist/main.js'],
  ['host', 'a host name such as api.example.com or *.example.com, with a port if need be'],
  ['eventType', 'an event type such as order.created'],
  ['eventPattern', 'an event type such as order.created, or a pattern such as order.*'],
  ['job', 'five cron fields, or @hourly, @daily, @weekly or @monthly'],
]);
