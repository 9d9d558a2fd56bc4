#!/usr/bin/env python3
"""The cost of a fetch in Python: fetch.py ROUNDS [thread|pool] prints the microseconds of one, and those of CPU."""
import asyncio
import os
import sys
import threading
import time

from locksync import Context, GuardMode, Pool

rounds = int(sys.argv[1])
how = sys.argv[2] if len(sys.argv) > 2 else "main"
context = Context(base_url=os.environ["LOCKSYNC_BASE_URL"], personal_key=os.environ["LOCKSYNC_PERSONAL_KEY"],
                  guard_mode=GuardMode.OFF)


def now():
    return time.perf_counter(), time.process_time()


def report(began):
    print(*(f"{(end - begin) * 1e6 / rounds:.1f}" for begin, end in zip(began, now())))


def measure():
    for number in range(100 + rounds):
        if number == 100:
            began = now()
        sum(lock.is_locked is True for lock in context.fetch())
    report(began)


async def measure_pool():
    async with Pool() as pool:
        for number in range(100 + rounds):
            if number == 100:
                began = now()
            sum(lock.is_locked is True for lock in await pool.fetch(context))
        report(began)


if how == "pool":
    asyncio.run(measure_pool())
elif how == "thread":
    thread = threading.Thread(target=measure)  # a thread without signals calls C directly
    thread.start()
    thread.join()
else:
    measure()
