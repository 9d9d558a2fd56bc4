import * as locksync from './index.js';

export * from './index.js';
export default locksync;
