import type { CloudEvent } from '@mortise/bus';

/** What a handler gets: the whole event in CloudEvents' JSON format. */
export function eventInput(event: CloudEvent): Record<string, unknown> {
  const { specversion, id, source, type, time, subject, datacontenttype, dataschema, data } = event;
  const { tenantId, acceptedAt } = event;
  return {
    specversion,
    id,
    source,
    type,
    time,
    ...(subject !== undefined && { subject }),
    datacontenttype,
    ...(dataschema !== undefined && { dataschema }),
    ...(tenantId !== undefined && { tenantid: tenantId }),
    ...(acceptedAt !== undefined && { acceptedat: acceptedAt }),
    ...(data !== undefined && { data }),
  };
}
