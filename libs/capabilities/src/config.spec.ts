import { expect, it } from 'vitest';
import { bench } from './bench.contract.js';

it('config.get gives the configuration of the installation', async () => {
  expect(await bench().call('config.get', {})).toEqual({ greeting: 'Hi' });
});
