import type { Manifest } from '@mortise/contracts';

/** What a rule may look at: the manifest after validation, and what lies in the package. */
export interface Facts {
  manifest: Manifest;
  /** Paths of the package's files. */
  files: ReadonlySet<string>;
}

export interface Finding {
  /** JSON pointer into the manifest. */
  pointer: string;
  message: string;
}

/** Something JSON Schema cannot say about a manifest. */
export interface Rule {
  /** Stable name, shown as `rule` of an error. */
  id: string;
  what: string;
  /** Default: MANIFEST_INVALID. */
  code?: 'NOT_SUPPORTED_YET';
  check(facts: Facts): Iterable<Finding>;
  /** Manifest sections that keep the rule; put over a minimal manifest. */
  holds: Example;
  /** Manifest sections that break it. */
  breaks: Example;
}

export type Example = Record<string, unknown>;
