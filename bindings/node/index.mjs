import locksync from './lib/index.js';

export const {
    Access, ChangeKind, Changes, Context, Device, Directory, Door, Field, Guard, GuardMode, LockSyncError, LogLevel, Pool,
    Redis, RequestKind, Results, SlotOutcome, State, Status, Watch, diff, version,
} = locksync;
export default locksync;
