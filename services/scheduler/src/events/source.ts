import type { Principal } from '@mortise/contracts';

/** The source an event gets: nobody can claim to be another tenant or another key. */
export function sourceOf(caller: Principal, sent: string): string {
  const prefix = caller.subject.startsWith('key:') ? caller.subject.slice('key:'.length) : caller.subject;
  return `/${caller.tenantSlug}/${encodeURIComponent(prefix)}/${encodeURIComponent(sent.toWellFormed())}`;
}
