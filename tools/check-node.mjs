// Every entry point runs this first: the wrong Node fails later with a native-module error nobody understands.
if (process.versions.modules !== '137') {
  console.error(
    `Mortise needs Node 24 and this is ${process.version}: run "npm ci" once, then start it with "make start" or "npm run" (they use the Node 24 that npm installed).`,
  );
  process.exit(1);
}
