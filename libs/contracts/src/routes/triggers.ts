import {
  AcceptedDto,
  EventAcceptedDto,
  JobDto,
  JobPatch,
  TestEventBody,
  TestEventDto,
} from '../http/executions.js';
import { alias } from './alias.js';
import type { RouteDefinition } from './define.js';

const scheduler = { owner: 'scheduler' } as const;

/** What makes plugins run besides calls: events and jobs. */
export const triggerRoutes = {
  'events.publish': {
    ...scheduler,
    method: 'POST',
    path: '/events',
    right: 'events:publish',
    rate: 'write',
    status: 202,
    bodyType: 'application/cloudevents+json',
    answer: EventAcceptedDto,
    summary: 'Publish a CloudEvent, structured or binary',
  },
  'events.test': {
    ...scheduler,
    method: 'POST',
    path: '/events/test',
    right: 'events:publish',
    rate: 'execute',
    body: TestEventBody,
    answer: TestEventDto,
    summary: 'Run the matching hooks now and answer what they gave',
    aliases: [alias('POST', '/api/plugins/test-event')],
  },
  'jobs.list': {
    ...scheduler,
    method: 'GET',
    path: '/installations/{id}/jobs',
    right: 'installations:read',
    rate: 'read',
    pageOf: JobDto,
    summary: 'Jobs of an installation with their next run',
  },
  'jobs.run': {
    ...scheduler,
    method: 'POST',
    path: '/installations/{id}/jobs/{name}/run-now',
    right: 'jobs:run',
    rate: 'write',
    status: 202,
    answer: AcceptedDto,
    summary: 'Run a job now',
  },
  'jobs.update': {
    ...scheduler,
    method: 'PATCH',
    path: '/installations/{id}/jobs/{name}',
    right: 'installations:manage',
    rate: 'write',
    body: JobPatch,
    answer: JobDto,
    summary: 'Pause or resume a job',
  },
  'plugins.jobs.run': {
    ...scheduler,
    method: 'POST',
    path: '/plugins/{plugin}/jobs/{name}/run-now',
    right: 'jobs:run',
    rate: 'write',
    status: 202,
    answer: AcceptedDto,
    summary: "Run a job of this tenant's installation of the plugin now",
    aliases: [alias('POST', '/api/plugins/{plugin}/jobs/{name}/run-now')],
  },
} as const satisfies Record<string, RouteDefinition>;
