"""
A clock finer than the loop's, whose timers know milliseconds only.

At 20,000 events a second a millisecond is twenty events; sent together they would
wake the proxy once instead of twenty times.
"""

from __future__ import annotations

import ctypes
import os
from typing import ClassVar

_CLOCK_MONOTONIC = 1


class _Timespec(ctypes.Structure):
    _fields_: ClassVar = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Interval(ctypes.Structure):
    _fields_: ClassVar = [("every", _Timespec), ("first", _Timespec)]


def open_ticker(nanoseconds: int) -> int:
    """
    Return a descriptor that is readable every *nanoseconds* (less than a second).

    Source: timerfd_create(2). Python has ``os.timerfd_create`` from 3.13 on.

    Raises:
        OSError: the system has no more timers.
    """
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = int(library.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK))
    period = _Timespec(0, nanoseconds)
    interval = _Interval(period, period)
    if (
        descriptor < 0
        or library.timerfd_settime(descriptor, 0, ctypes.byref(interval), None) < 0
    ):
        raise OSError(ctypes.get_errno(), "no timer")
    return descriptor
