import type { FieldError } from '@mortise/contracts';
import type { Document } from '../manifest/document.js';
import { dependencyRules } from './dependencies.js';
import { eventRules } from './events.js';
import { fileRules } from './files.js';
import { functionRules } from './functions.js';
import { jobRules } from './jobs.js';
import { limitRules } from './limits.js';
import { nameRules } from './names.js';
import { networkRules } from './network.js';
import { permissionRules } from './permissions.js';
import { routeRules } from './routes.js';
import { schemaRules } from './schemas.js';
import { secretRules } from './secrets.js';
import { supportRules } from './support.js';
import type { Facts, Rule } from './rule.js';

/** Every rule of a manifest beyond its JSON Schema. */
export const rules: readonly Rule[] = [
  ...nameRules,
  ...functionRules,
  ...fileRules,
  ...jobRules,
  ...eventRules,
  ...routeRules,
  ...schemaRules,
  ...networkRules,
  ...permissionRules,
  ...secretRules,
  ...limitRules,
  ...dependencyRules,
  ...supportRules,
];

const findingsMax = 50;

export interface Judgement {
  errors: FieldError[];
  /** Only things that will work one day were found. */
  onlyUnsupported: boolean;
}

/** Runs the table over a manifest. */
export function judge(facts: Facts, document: Document): Judgement {
  const findings = rules.flatMap((rule) => [...rule.check(facts)].map((finding) => ({ rule, finding })));
  return {
    errors: findings
      .slice(0, findingsMax)
      .map(({ rule, finding }) => document.error(finding.pointer, finding.message, rule.id)),
    onlyUnsupported: findings.every(({ rule }) => rule.code === 'NOT_SUPPORTED_YET'),
  };
}
