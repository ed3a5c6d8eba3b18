import { stat } from 'node:fs/promises';
import { intake, type FieldError, type Manifest } from '@mortise/contracts';
import { readEntry as readArchiveEntry, survey, type Kept } from './archive/survey.js';
import { digestOf } from './digest.js';
import { checkMain, mainBytesAdvised, mainBytesMax } from './main/check-main.js';
import { isManifest, readManifest } from './manifest/read-manifest.js';
import { Refused, type Refusal } from './refusal.js';
import { judge } from './rules/table.js';
import { checkWasm, wasmBytesMax } from './wasm/check-wasm.js';
import { checkWebhooks } from './webhooks.js';

export interface PackageFile {
  name: string;
  sizeBytes: number;
}

/** A package that may be published. */
export interface Package {
  /** Validated, defaults applied. */
  manifest: Manifest;
  /** Which file the manifest was: plugin.json, plugin.yaml ... */
  manifestFile: string;
  files: PackageFile[];
  /** The code of the manifest's `main`; '' of WebAssembly, and when the package has no functions and no such file. */
  main: string;
  /** sha256 of the package, lower-case hex. */
  digest: string;
  /** Of the packed file. */
  sizeBytes: number;
  /** Advice; sections that nothing runs yet are named by `notRunYet`. */
  warnings: string[];
}

export type ReadPackage = { ok: true; package: Package } | Refusal;

/**
 * Reads and judges a package on disk (zip or tar.gz). Everything is streamed; only the manifest, webhook files and
 * main are held in memory, each under a cap of its own.
 */
export async function readPackage(path: string): Promise<ReadPackage> {
  try {
    return await judgePackage(path);
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

/** One file of a package; undefined when there is none of that name. @throws when the package is broken */
export const readEntry = (path: string, name: string): Promise<Buffer | undefined> =>
  readArchiveEntry(path, name);

async function judgePackage(path: string): Promise<ReadPackage> {
  const first = await survey(path, (name) => (isManifest(name) ? textFile : undefined));
  const files = new Set(first.files.map(({ name }) => name));
  const { document, manifest } = taken(readManifest(first.kept, files));

  const judgement = judge({ manifest, files }, document);
  if (judgement.errors.length > 0)
    throw judgement.onlyUnsupported ? unsupported(judgement.errors) : invalid(judgement.errors);
  refuseWasm(first.wasm, manifest);
  const contents = await contentsOf(path, manifest);
  const webhookErrors = checkWebhooks({ manifest, files }, contents);
  if (webhookErrors.length > 0) throw invalid(webhookErrors);
  const main = contents.get(manifest.main);
  const mainErrors = main ? await checkMainBytes(main, manifest) : [];
  const isJs = manifest.runtime === 'js';
  if (mainErrors.length > 0) throw new Refused({ ok: false, code: 'MAIN_INVALID', errors: mainErrors });
  return {
    ok: true,
    package: {
      manifest,
      manifestFile: document.file,
      files: first.files,
      main: isJs ? (main?.toString('utf8') ?? '') : '',
      digest: await digestOf(path),
      sizeBytes: (await stat(path)).size,
      warnings: isJs && main && main.length > mainBytesAdvised ? [largeMain(manifest.main, main.length)] : [],
    },
  };
}

function taken<T extends { ok: true }>(outcome: T | Refusal): T {
  if (!outcome.ok) throw new Refused(outcome);
  return outcome;
}

const textFile: Kept = { maxBytes: intake.manifestBytes, code: 'MANIFEST_INVALID' };
const mainFile = ({ runtime }: Manifest): Kept => ({
  maxBytes: runtime === 'wasm' ? wasmBytesMax : mainBytesMax,
  code: 'MAIN_INVALID',
});

/** The second pass: only now is it known which files to hold. */
async function contentsOf(path: string, manifest: Manifest): Promise<Map<string, Buffer>> {
  const webhooks = new Set(manifest.webhooks);
  const { kept } = await survey(path, (name) => {
    if (name === manifest.main) return mainFile(manifest);
    return webhooks.has(name) ? textFile : undefined;
  });
  return kept;
}

async function checkMainBytes(bytes: Buffer, manifest: Manifest): Promise<FieldError[]> {
  const { main: file } = manifest;
  if (manifest.runtime === 'wasm') return checkWasm(file, bytes, manifest);
  try {
    return await checkMain(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return [{ file, pointer: '', message: 'the file is not UTF-8 text', rule: 'encoding' }];
  }
}

/** A module has its place as `main` of a plugin that says so, and no other. */
function refuseWasm(files: string[], { runtime, main }: Manifest): void {
  const file = files.find((name) => runtime === 'js' || name !== main);
  if (file === undefined) return;
  const message =
    runtime === 'js'
      ? 'it is WebAssembly, and the manifest declares runtime js'
      : `it is WebAssembly, and only main (${main}) may be`;
  throw new Refused({
    ok: false,
    code: 'PACKAGE_FORBIDDEN_FILE',
    details: { reason: `${file}: ${message}` },
    errors: [{ file, pointer: '', message, rule: 'entry-content' }],
  });
}

const invalid = (errors: FieldError[]) => new Refused({ ok: false, code: 'MANIFEST_INVALID', errors });
const unsupported = (errors: FieldError[]) => {
  const what = [...new Set(errors.map(({ message }) => message.replace(/ is not supported yet$/, '')))].join(
    ', ',
  );
  return new Refused({ ok: false, code: 'NOT_SUPPORTED_YET', details: { what }, errors });
};
const largeMain = (file: string, bytes: number) =>
  `${file} is ${Math.ceil(bytes / 1_024)} KB: above ${mainBytesAdvised / 1_024} KB cold starts get slow; minify it or drop dependencies`;
