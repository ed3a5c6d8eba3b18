/** One metric: what its name says, by what it is told apart, and what it means. */
export interface MetricRow {
  kind: 'counter' | 'gauge' | 'histogram';
  /** Also the end of the name, before `_total` of a counter. */
  unit: string;
  /** Each from a list that is closed: never a tenant, an installation or an id, but in `mortise_tenant_cpu_seconds`. */
  labels: readonly string[];
  meaning: string;
  /** Upper bounds of a histogram's buckets. */
  buckets?: readonly number[];
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/** The one table of metrics; docs/reference/metrics.md is written from it. */
export const metricTable = {
  mortise_gateway_executions_total: {
    kind: 'counter',
    unit: 'executions',
    labels: ['status'],
    meaning:
      'Synchronous executions by what their caller got: a status of executions, refused, no_answer (504) or unavailable (503)',
  },
  mortise_executions_total: {
    kind: 'counter',
    unit: 'executions',
    labels: ['status', 'lane', 'trigger'],
    meaning: 'Runs that ended in this process, retried attempts included',
  },
  mortise_execution_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['lane'],
    meaning: 'From the start of a run to its outcome; waiting not included',
    buckets: seconds,
  },
  mortise_executions_running: {
    kind: 'gauge',
    unit: 'executions',
    labels: [],
    meaning: 'Executions in this process, those that wait for a slot included',
  },
  mortise_executions_deferred_total: {
    kind: 'counter',
    unit: 'executions',
    labels: [],
    meaning: 'Background runs put off because their tenant has enough waiting',
  },
  mortise_interactive_dropped_total: {
    kind: 'counter',
    unit: 'commands',
    labels: [],
    meaning: 'Commands for which nobody waited any more when their turn came',
  },
  mortise_lane_refusals_total: {
    kind: 'counter',
    unit: 'executions',
    labels: ['lane', 'limit'],
    meaning: 'Runs that found no place to wait, by the limit that was reached',
  },
  mortise_lane_waiting_executions: {
    kind: 'gauge',
    unit: 'executions',
    labels: ['lane'],
    meaning: 'Executions that wait for a slot of their lane',
  },
  mortise_lane_oldest_wait_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['lane'],
    meaning: 'How long the first of those waits that wait for a slot of their lane',
  },
  mortise_sandbox_workers: {
    kind: 'gauge',
    unit: 'workers',
    labels: ['lane'],
    meaning: 'Worker processes of the sandbox: of the fast lane, of the slow lane, and spare ones',
  },
  mortise_sandbox_worker_memory_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: ['worker'],
    meaning:
      'Resident memory of each worker process, by its place among them: from 0 to one less than EXECUTOR_WORKERS',
  },
  mortise_sandbox_isolates: {
    kind: 'gauge',
    unit: 'isolates',
    labels: ['state'],
    meaning: 'Isolates with a plugin in them (warm) and made ahead for the next one (blank)',
  },
  mortise_sandbox_cold_starts_total: {
    kind: 'counter',
    unit: 'starts',
    labels: [],
    meaning: 'Plugins loaded because a run needed them',
  },
  mortise_sandbox_kills_total: {
    kind: 'counter',
    unit: 'workers',
    labels: ['reason'],
    meaning:
      'Worker processes that ended before their time: over their memory (memory_cap), stuck out of memory (parked), a run that did not end (deadline), rules broken (protocol), ended by themselves or from outside (crashed), a file that did not load in time (errand_late)',
  },
  mortise_sandbox_wait_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: [],
    meaning: 'How long the first of those runs waits that wait for a worker process',
  },
  mortise_sandbox_slow_plugins: {
    kind: 'gauge',
    unit: 'plugins',
    labels: [],
    meaning: 'Plugins that hold the processor long and therefore run apart from the others of their tenant',
  },
  mortise_sandbox_walls: {
    kind: 'gauge',
    unit: 'walls',
    labels: ['wall'],
    meaning: '1 for each wall around workers that is in force, 0 for each that is not',
  },
  mortise_tenant_cpu_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['tenant'],
    meaning:
      'Processor time of plugins in the last whole minute: the ten tenants that used most by id, all others as `other`',
  },
  mortise_bus_lag_records: {
    kind: 'gauge',
    unit: 'records',
    labels: ['group', 'topic'],
    meaning: 'Records that the group has not finished, in the partitions this process has',
  },
  mortise_bus_in_flight_records: {
    kind: 'gauge',
    unit: 'records',
    labels: ['group', 'topic'],
    meaning: 'Records handed to handlers and not finished',
  },
  mortise_bus_paused_partitions: {
    kind: 'gauge',
    unit: 'partitions',
    labels: ['group', 'topic'],
    meaning:
      'Partitions that are not read because enough of them is in flight: the back-pressure of handlers',
  },
  mortise_bus_retries_total: {
    kind: 'counter',
    unit: 'tries',
    labels: ['group', 'topic'],
    meaning: 'Tries of a handler that had failed on the record',
  },
  mortise_bus_parked_total: {
    kind: 'counter',
    unit: 'records',
    labels: ['group', 'topic'],
    meaning: 'Records put into the outbox after a minute of failures, to be tried again later',
  },
  mortise_bus_dead_letters_total: {
    kind: 'counter',
    unit: 'records',
    labels: ['group', 'topic'],
    meaning: 'Records sent to the dead letters',
  },
  mortise_bus_unknown_types_total: {
    kind: 'counter',
    unit: 'records',
    labels: ['group', 'topic'],
    meaning: 'Records of a type that this version does not know: dropped',
  },
  mortise_bus_send_batch_records: {
    kind: 'histogram',
    unit: 'records',
    labels: ['producer'],
    meaning: 'Records that went to the brokers in one request',
    buckets: counts,
  },
  mortise_bus_send_buffer_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: ['producer'],
    meaning: 'Records that wait for the brokers; beyond 64 MB senders wait',
  },
  mortise_bus_rebalance_duration_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['group', 'topic'],
    meaning: 'From the loss of its partitions to the new assignment, for each member of a group',
    buckets: seconds,
  },
  mortise_bus_pending_requests: {
    kind: 'gauge',
    unit: 'requests',
    labels: ['service'],
    meaning: 'Requests over the bus that wait for their reply',
  },
  mortise_bus_unclaimed_replies_total: {
    kind: 'counter',
    unit: 'replies',
    labels: [],
    meaning: 'Replies for which nobody waited: late ones, and those of an instance with the same partition',
  },
  mortise_outbox_oldest_age_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    labels: ['service'],
    meaning:
      'Age of the oldest row that waits to be sent, whichever process sends it; 0 when there is none. It rises when the bus takes nothing',
  },
  mortise_outbox_held_rows: {
    kind: 'gauge',
    unit: 'rows',
    labels: ['service'],
    meaning: 'Rows that are due later: delayed, retried and parked ones; counted up to 10,000',
  },
  mortise_projection_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: ['projection'],
    meaning: 'Records taken into the tables of executions and logs',
  },
  mortise_retention_deleted_rows_total: {
    kind: 'counter',
    unit: 'rows',
    labels: ['table'],
    meaning: 'Rows of tenants that keep theirs for a shorter time than the platform does',
  },
  mortise_projection_delay_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: ['projection'],
    meaning: 'From the oldest record of a batch to its rows: it rises when the database is the bottleneck',
    buckets: seconds,
  },
  mortise_event_matches_total: {
    kind: 'counter',
    unit: 'executions',
    labels: [],
    meaning: 'Executions caused by events',
  },
  mortise_schedule_lag_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    labels: [],
    meaning: 'From the due time of a tick to its firing',
    buckets: seconds,
  },
  mortise_process_resident_memory_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    labels: [],
    meaning: 'Memory of this process, without the workers of the sandbox',
  },
  mortise_process_event_loop_utilization_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    labels: [],
    meaning:
      'Part of the time since the last scrape in which the event loop worked; at 1 it is the bottleneck',
  },
} as const satisfies Record<string, MetricRow>;

type Table = typeof metricTable;
export type MetricName = keyof Table;
/** Names of one kind of metric. */
export type MetricsOf<K extends MetricRow['kind']> = {
  [N in MetricName]: Table[N]['kind'] extends K ? N : never;
}[MetricName];
/** The labels of a metric, as the last argument of what counts it: none where it has none. */
export type LabelsOf<N extends MetricName> = Table[N]['labels'] extends readonly []
  ? []
  : [labels: Readonly<Record<Table[N]['labels'][number], string>>];
