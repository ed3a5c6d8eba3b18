// The order matters: these change what the last one loads.
import './cures.js';
import './fast-records.js';
export { default as kafkajs } from 'kafkajs';
