"""The timer: jobs every so often, or at once when somebody rings; one at a time each.

One small seam, ``every`` / ``submit`` / ``submit_at`` / ``run``, so that another engine can take its place. Tables are
the truth and this is only a doorbell: a lost ring is made good by the next beat, and a beat that comes
while its job still runs is one beat later (APScheduler: memory job store, max_instances=1, coalesce, no
misfire limit). SIGTERM and SIGINT end it after the running round.

What it does badly: a job that never returns holds its own place for ever; the stages' time limits are
what keeps that from happening.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

__all__ = ["InProcessEngine"]

log = logging.getLogger(__name__)


class InProcessEngine:
    """Runs jobs in this process. A job that raises is logged and run again at its next beat."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        self._stopping = threading.Event()
        self.first_beat = threading.Event()  # set once every job has run once
        self._jobs: dict[str, _Job] = {}
        # APScheduler warns of each beat that finds its job running; here that is the normal case.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def every(self, name: str, interval: timedelta, job: Callable[[], object]) -> None:
        """Run ``job`` now and then every ``interval``, and whenever ``submit(name)`` rings."""
        self._jobs[name] = guarded = _Job(name, job)
        self._scheduler.add_job(guarded.run, "interval", seconds=interval.total_seconds(), id=name, next_run_time=datetime.now(UTC), replace_existing=True)

    def submit(self, name: str) -> None:
        """Run the job as soon as it is free; rings while it runs become one more run after it."""
        self._jobs[name].rung.set()
        self._beat_now(name)

    def submit_at(self, name: str, at: datetime) -> None:
        """Run the job then, where its next beat would be later. To be called from the job itself."""
        if not self._stopping.is_set() and (job := self._scheduler.get_job(name)) is not None and job.next_run_time > at:
            with contextlib.suppress(JobLookupError):
                self._scheduler.modify_job(name, next_run_time=max(at, datetime.now(UTC)))

    def _beat_now(self, name: str) -> None:
        # A beat that finds its job running is dropped by max_instances; ``_ended`` then sees the ring and beats again.
        if not self._stopping.is_set():
            with contextlib.suppress(JobLookupError):
                self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _ended(self, event: Any) -> None:
        """After each run, when its place is free again."""
        job = self._jobs[event.job_id]
        job.runs += 1
        if all(other.runs for other in self._jobs.values()):
            self.first_beat.set()
        if job.rung.is_set():
            self._beat_now(event.job_id)

    def stop(self, *_: object) -> None:
        """End ``run`` after the jobs that are running. Safe in a signal handler and in any thread."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def run(self, *, signals: bool = True) -> None:
        """Until ``stop`` or, with ``signals``, SIGTERM or SIGINT; returns after running jobs finished."""
        previous: dict[signal.Signals, Any] = {}
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                previous[number] = signal.signal(number, self.stop)
        self._scheduler.start()
        try:
            while not self._stopping.wait(3600):
                pass
        finally:
            self._scheduler.shutdown(wait=True)
            for number, handler in previous.items():
                signal.signal(number, handler)


class _Job:
    """A job, how often it has run, and whether somebody has rung since its last run began."""

    def __init__(self, name: str, job: Callable[[], object]) -> None:
        self.name, self.job, self.runs = name, job, 0
        self.rung = threading.Event()

    def run(self) -> None:
        self.rung.clear()
        try:
            self.job()
        except Exception:
            log.exception("job %s failed; it runs again at its next beat", self.name)
