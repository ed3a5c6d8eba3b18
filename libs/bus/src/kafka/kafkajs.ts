// The order matters: the first changes what the second loads.
import './fast-records.js';
export { default as kafkajs } from 'kafkajs';
