export { readPackage, readEntry, type Package, type PackageFile, type ReadPackage } from './package.js';
export { writePackage, type PackageContent } from './write.js';
export { validateConfig, type CheckedConfig } from './config.js';
export { notRunYet } from './not-run-yet.js';
export { digestOf } from './digest.js';
export { type Refusal } from './refusal.js';
export { readManifest, isManifest, type ReadManifest } from './manifest/read-manifest.js';
export { codeFrame, type Place } from './manifest/text-place.js';
