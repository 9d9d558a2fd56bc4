// Compiled, not run: what a user of bindings/node may write, and what the types must refuse.
import {
    Changes, ChangeKind, Context, Directory, Door, Guard, GuardMode, Id, Lock, LockInfo, LockSyncError, LogLevel, Pool,
    Redis, RequestKind, Results, Settings, SlotOutcome, State, Status, Transport, Watch, diff, version,
} from 'locksync';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const sure = <T extends true>(): T | undefined => undefined;

const transport: Transport = ({ url, headers, signal }) => fetch(url, { headers, signal });
const settings: Settings = {
    personalKey: 'key', baseUrl: null, guardMode: GuardMode.WAIT, timeoutMs: 1000, transport,
    logger(level, line) {
        sure<Equal<typeof level, LogLevel>>();
        console.log(level === LogLevel.ERROR, line.toUpperCase());
    },
    tokenProvider: isRejected => (isRejected ? null : { token: 'token', expiresAt: new Date() }),
};

export async function main(signal: AbortSignal): Promise<void> {
    const context = new Context(settings);
    const results: Results = await context.fetch([1001, 5n], { signal });
    await context.fetch({ signal });
    await context.fetch(new Set([1001]));
    await context.fetch(null);
    for (const lock of results) {
        sure<Equal<typeof lock, Lock>>();
        sure<Equal<typeof lock.isLocked, boolean | null>>();
        sure<Equal<typeof lock.lastStateChanged, Date | null>>();
        if (lock.state === State.LOCKED || lock.doorState === Door.OPENED)
            console.log(lock.stateName.length);
        // @ts-expect-error an unknown value is null
        lock.batteryLevel.toFixed();
        // @ts-expect-error records are copies
        lock.isLocked = true;
    }
    const missing: Id[] = results.missing;
    const one: Lock | undefined = results.get(missing[0] ?? 1);
    const json: string = JSON.stringify(results.toJSON().missing);
    const directory: Directory = await context.fetchDirectory({ signal });
    const info: LockInfo | undefined = directory.getBySerial('1-2') ?? directory.getByName('Door')[0];
    const changes: Changes = diff(results, directory.results);
    const added = changes.filter(({ kinds, before }) => kinds & ChangeKind.ADDED && before === null);

    const pool = new Pool({ maxActive: 10 });
    const watch: Watch = pool.watch(context, null, { intervalMs: 20000, signal, directory: true });
    for await (const reported of watch) {
        sure<Equal<typeof reported, Changes>>();
        console.log(reported.results.fetchedAt.getTime(), watch.ageMs ?? 0, watch.lastStatus === Status.OK);
        for (const { info: of, after } of reported)
            console.log(of?.name ?? after?.id);
    }
    for await (const reported of context.watch({ serialNumbers: ['A-1'] }))
        console.log(reported.length);

    const guard = new Guard({ redis: new Redis('redis://127.0.0.1'), key: 'account', minIntervalMs: 1 });
    const { slot, waitMs } = await guard.reserve({ kind: RequestKind.OTHER });
    if (slot !== null)
        await guard.settle(slot, SlotOutcome.LIMITED, waitMs);
    try {
        await context.fetchThrough(async request => ({ status: 200, body: request.url, headers: { a: ['b'] } }), [1]);
    } catch (error) {
        if (error instanceof LockSyncError && error.status === Status.TOO_SOON)
            console.log(error.code, error.retryAfterMs ?? 0, error.cause);
    }
    const future: State = 42; // a later version may have a name for it
    console.log(future, version(), one, json, info, added);
    context.close();
}

export async function refused(context: Context, pool: Pool): Promise<void> {
    // @ts-expect-error
    new Context({ colour: 'red' });
    // @ts-expect-error
    new Context({ tokenProvider: async () => 'token' });
    // @ts-expect-error
    await context.fetch(['1001']);
    // @ts-expect-error
    await context.fetch(null, { sginal: null });
    // @ts-expect-error
    await context.fetch({ intervalMs: 5 });
    // @ts-expect-error
    await context.fetchOne([5]);
    // @ts-expect-error
    pool.fetch([1001]);
    // @ts-expect-error
    new Guard({ interval: 5 });
    // @ts-expect-error results come from a fetch
    new Results();
    // @ts-expect-error
    diff([], []);
    // @ts-expect-error
    Status.OK = 5;
}
