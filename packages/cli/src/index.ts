export { build, type BuildOptions, type BuildOutcome } from './build.js';
export { pack, type PackOptions, type PackOutcome } from './pack.js';
