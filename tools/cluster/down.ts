import { clusterDown } from './cluster.ts';

console.log((await clusterDown('.cluster')) ? 'stopped' : 'no cluster is running');
