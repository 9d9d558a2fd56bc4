import os

import locksync

with locksync.Context(personal_key=os.environ["LOCKSYNC_PERSONAL_KEY"],
                      base_url=os.environ.get("LOCKSYNC_BASE_URL")) as context:  # None: the service
    try:
        for lock in context.fetch():
            print(lock.id, lock.state_name, "" if lock.is_connected else "out of reach")
    except locksync.LockSyncError as error:
        raise SystemExit(f"{error} ({error.status!r}, retry after {error.retry_after} s)")
