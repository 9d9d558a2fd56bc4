/// <reference types="node" />
import {
    Access, ChangeKind, Device, Door, Field, GuardMode, LogLevel, RequestKind, SlotOutcome, State, Status,
} from './constants.js';

export {
    Access, ChangeKind, Device, Door, Field, GuardMode, LogLevel, RequestKind, SlotOutcome, State, Status,
};

/** A lock's number. Those beyond 2^53 are a bigint. */
export type Id = number | bigint;
export type Ids = Iterable<Id>;

/** The state of a lock. A value that the service did not send, or that cannot be used, is null: it is unknown. */
export interface Lock {
    readonly id: Id;
    readonly revision: Id | null;
    readonly state: State | null;
    /** The name of the state, or 'unknown'. */
    readonly stateName: string;
    readonly doorState: Door | null;
    readonly doorStateName: string;
    /** Percent. */
    readonly batteryLevel: number | null;
    /** 0: success, 1: jammed. */
    readonly stateChangeResult: number | null;
    readonly lastStateChanged: Date | null;
    readonly isConnected: boolean | null;
    readonly isCharging: boolean | null;
    readonly isLocked: boolean | null;
    readonly isJammed: boolean | null;
}

/** The facts of a lock that rarely change. Null: not sent. */
export interface LockInfo {
    readonly id: Id;
    /** Two locks may have the same name. */
    readonly name: string | null;
    /** It never changes, unlike the id. */
    readonly serialNumber: string | null;
    readonly timeZone: string | null;
    readonly bridgeId: Id | null;
    readonly organizationId: Id | null;
    readonly type: Device | null;
    readonly accessLevel: Access | null;
}

export interface Change {
    /** ChangeKind bits. */
    readonly kinds: number;
    /** Null: the lock was added. */
    readonly before: Lock | null;
    /** Null: the lock was removed. */
    readonly after: Lock | null;
    /** Null: the directory is not known. */
    readonly info: LockInfo | null;
}

/** The locks of a fetch, in the service's order. */
export declare class Results extends Array<Lock> {
    private constructor();
    /** Requested ids that the service did not send. */
    readonly missing: Id[];
    readonly fetchedAt: Date;
    /** The guard denied a request, and these are the results of an earlier one (GuardMode.CACHED). */
    readonly isCached: boolean;
    get(id: Id): Lock | undefined;
    toJSON(): { locks: object[]; missing: (number | string)[]; fetchedAt: Date; isCached: boolean };
}

/** Names and serial numbers of an account's locks. */
export declare class Directory extends Array<LockInfo> {
    private constructor();
    /** The states that came with the names. */
    readonly results: Results;
    readonly fetchedAt: Date;
    get(id: Id): LockInfo | undefined;
    getBySerial(serialNumber: string): LockInfo | undefined;
    /** A program that acts on a lock must stop unless it is one. */
    getByName(name: string): LockInfo[];
    toJSON(): { locks: object[]; results: object; fetchedAt: Date };
}

/** The changed locks. */
export declare class Changes extends Array<Change> {
    private constructor();
    /** All locks after the changes. Draw a display from these, never from changes alone. */
    readonly results: Results;
    get(id: Id): Change | undefined;
    toJSON(): { changes: object[]; results: object };
}

/** Returns the changes between the results of two fetches. */
export declare function diff(before: Results, after: Results): Changes;

export interface ErrorDetail {
    cause?: unknown;
    httpStatus?: number;
    retryAfterMs?: number;
    correlationId?: string;
    apiMessages?: string[];
    byteOffset?: number;
}

/** Why a call failed. A value that does not apply is null. */
export declare class LockSyncError extends Error {
    constructor(status: Status, message?: string, detail?: ErrorDetail);
    readonly status: Status;
    /** The name of the status, such as 'LOCK_SYNC_E_TOO_SOON'. */
    readonly code: string;
    /** The same call may succeed later. */
    readonly isRetryable: boolean;
    readonly httpStatus: number | null;
    readonly retryAfterMs: number | null;
    readonly correlationId: string | null;
    /** The service's own messages. */
    readonly apiMessages: string[];
    /** Where the body of a response cannot be read. */
    readonly byteOffset: number | null;
    /** The error that a callback threw. */
    readonly cause?: unknown;
}

export interface Request {
    readonly method: string;
    readonly url: string;
    /** They contain the credential: do not log them. */
    readonly headers: Record<string, string>;
    readonly timeoutMs: number;
    readonly connectTimeoutMs: number;
    /** Aborted when the fetch ends before the response. */
    readonly signal: AbortSignal;
}

export interface Received {
    status: number;
    headers?: Record<string, string | string[] | undefined> | { entries(): Iterable<[string, string]> };
    body?: string | Uint8Array;
}

/** Sends a request once, without following redirects. Returns what was received, or a Response of fetch(). */
export type Transport = (request: Request) => Received | Response | Promise<Received | Response>;

export type Token = string | { token: string; expiresAt: Date };

/** Called with whether the service rejected the current credential. It must not return a promise. */
export type TokenProvider = (isRejected: boolean) => Token | null;

export interface Settings {
    personalKey?: string | null;
    accessToken?: Token | null;
    baseUrl?: string | null;
    apiVersion?: string | null;
    connectTimeoutMs?: number;
    timeoutMs?: number;
    maxIdleMs?: number;
    maxResponseBytes?: number;
    allowHttp?: boolean;
    caFile?: string | null;
    proxy?: string | null;
    userAgent?: string | null;
    guard?: Guard | null;
    guardMode?: GuardMode;
    tokenProvider?: TokenProvider | null;
    logger?: ((level: LogLevel, line: string) => void) | null;
    transport?: Transport | null;
}

export interface FetchOptions {
    signal?: AbortSignal | null | undefined;
}

export interface WatchOptions extends FetchOptions {
    /** From the end of a poll to the next one; default 20 000. */
    intervalMs?: number;
    /** Whether each change has an `info`, and a new name or id is a change. */
    directory?: boolean;
    /** Watches these locks, also if their ids change. */
    serialNumbers?: Iterable<string> | null;
}

/** Settings, credential and connection of one user of the service. It runs one fetch or watch at a time. */
export declare class Context implements Disposable, AsyncDisposable {
    constructor(settings?: Settings);
    /** Changes settings; null for a text, a function or the guard restores the default. */
    set(settings: Settings): void;
    /** Returns the state of these locks, or (null) of all the account's locks. */
    fetch(ids?: Ids | null, options?: FetchOptions): Promise<Results>;
    fetch(options: FetchOptions): Promise<Results>;
    fetchOne(id: Id, options?: FetchOptions): Promise<Lock>;
    fetchDirectory(options?: FetchOptions): Promise<Directory>;
    /** Like fetch(), through the program's HTTP client. */
    fetchThrough(send: Transport, ids?: Ids | null, options?: FetchOptions): Promise<Results>;
    fetchThrough(send: Transport, options: FetchOptions): Promise<Results>;
    fetchDirectoryThrough(send: Transport, options?: FetchOptions): Promise<Directory>;
    watch(ids?: Ids | null, options?: WatchOptions): Watch;
    watch(options: WatchOptions): Watch;
    /** Ends the running fetch. */
    cancel(): void;
    /** Ends the running fetch, and each that is called before resume(). A watch reports it once, and sleeps meanwhile. */
    stop(): void;
    resume(): void;
    /** Ends the running fetch, and watches. */
    close(): void;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Reports changes. The first report all locks as added. `for await` ends it, in whichever way the loop ends. */
export declare class Watch implements AsyncIterable<Changes>, Disposable, AsyncDisposable {
    private constructor();
    /** All locks after the last poll; null before the first. */
    readonly results: Results | null;
    readonly directory: Directory | null;
    /** The age of the last good response. Look at it before you act on a state. */
    readonly ageMs: number | null;
    /** How the last poll ended, also if that was not reported because it may pass. */
    readonly lastStatus: Status;
    /** The time until the next poll. The guard may delay it. */
    readonly dueInMs: number;
    /** Returns the next changes. It rejects with an error that does not pass. After an error the watch continues. */
    next(): Promise<IteratorResult<Changes, undefined>>;
    close(): void;
    [Symbol.asyncIterator](): AsyncGenerator<Changes, void, void>;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface PoolOptions {
    maxConnections?: number;
    maxConnectionsPerOrigin?: number;
    maxActive?: number;
}

/** Fetches and watches for many contexts at once, on few connections. */
export declare class Pool implements Disposable, AsyncDisposable {
    constructor(options?: PoolOptions);
    /** How many fetches and watches are pending. */
    readonly pending: number;
    fetch(context: Context, ids?: Ids | null, options?: FetchOptions): Promise<Results>;
    fetchDirectory(context: Context, options?: FetchOptions): Promise<Directory>;
    watch(context: Context, ids?: Ids | null, options?: WatchOptions): Watch;
    /** Ends running fetches and watches with Status.CANCELLED. */
    close(): void;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface GuardOptions {
    /** The file of the guard's record, for several processes or worker threads. */
    path?: string | null;
    /** The server of the guard's record, for several machines. */
    redis?: Redis | null;
    /** The key there; it must not be a secret. */
    key?: string | null;
    minIntervalMs?: number;
    directoryIntervalMs?: number;
    otherIntervalMs?: number;
    /** Requests in an hour. */
    budget?: number;
    /** Those of them that are left to other programs. */
    unused?: number;
}

/** Keeps all its contexts within the service's limits: in memory, in a file or in Redis. */
export declare class Guard implements Disposable, AsyncDisposable {
    constructor(options?: GuardOptions);
    /** Requests a slot for a request of the program's own. `slot` is null if it is denied. */
    reserve(options?: { kind?: RequestKind; leaseMs?: number }): Promise<{ slot: Id | null; waitMs: number }>;
    /** Reports how the request of a slot ended. */
    settle(slot: Id, outcome?: SlotOutcome, retryAfterMs?: number | null): Promise<void>;
    /** Why the guard's record can be lost; '' if it cannot. */
    readonly warning: string;
    /** Contexts that use the guard keep it. */
    close(): void;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

/** A Redis server that keeps the records of guards. */
export declare class Redis implements Disposable, AsyncDisposable {
    constructor(url: string);
    /** Prepares a new database at deployment, so that the first slot of an account needs no wait. */
    prepare(key: string): Promise<void>;
    /** Why the last command failed; '' if none did. */
    readonly errorMessage: string;
    /** Guards that use the server keep their connection. */
    close(): void;
    [Symbol.dispose](): void;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Returns the version of the library. */
export declare function version(): string;
