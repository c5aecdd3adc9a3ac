"""The timer runs one job at a time, hears rings, and stops after the running job."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from mailroom.engine import InProcessEngine

HOUR = timedelta(hours=1)


def in_thread(engine: InProcessEngine) -> threading.Thread:
    thread = threading.Thread(target=engine.run, kwargs={"signals": False}, daemon=True)
    thread.start()
    return thread


def test_job_runs_at_once_and_again_when_rung() -> None:
    engine, ran = InProcessEngine(), threading.Semaphore(0)
    engine.every("round", HOUR, ran.release)
    thread = in_thread(engine)
    assert ran.acquire(timeout=10)
    engine.submit("round")
    assert ran.acquire(timeout=10)
    engine.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_rings_during_a_run_become_one_more_run_and_never_two_at_once() -> None:
    engine = InProcessEngine()
    inside, go_on, runs, together = threading.Semaphore(0), threading.Semaphore(0), [], []
    busy = threading.Lock()

    def job() -> None:
        together.append(not busy.acquire(blocking=False))
        runs.append(1)
        inside.release()
        go_on.acquire(timeout=10)
        busy.release()

    engine.every("round", HOUR, job)
    thread = in_thread(engine)
    assert inside.acquire(timeout=10)
    for _ in range(5):
        engine.submit("round")
    go_on.release()
    assert inside.acquire(timeout=10)  # the one run that the five rings became
    go_on.release()
    engine.stop()
    thread.join(10)
    assert len(runs) == 2
    assert not any(together)


def test_stop_waits_for_the_running_job() -> None:
    engine, inside, go_on, done = InProcessEngine(), threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        inside.set()
        go_on.wait(10)
        done.set()

    engine.every("round", HOUR, job)
    thread = in_thread(engine)
    assert inside.wait(10)
    engine.stop()
    assert not done.is_set()
    go_on.set()
    thread.join(10)
    assert done.is_set()


def test_a_job_that_raises_runs_again() -> None:
    engine, ran = InProcessEngine(), threading.Semaphore(0)

    def job() -> None:
        ran.release()
        raise RuntimeError("the mailbox fell over")

    engine.every("round", HOUR, job)
    thread = in_thread(engine)
    assert ran.acquire(timeout=10)
    engine.submit("round")
    assert ran.acquire(timeout=10)
    engine.stop()
    thread.join(10)


def test_a_job_can_ask_to_run_before_its_next_beat_and_never_later() -> None:
    engine, begun = InProcessEngine(), []
    third = threading.Event()

    def job() -> None:
        begun.append(datetime.now(UTC))
        if len(begun) == 1:
            engine.submit_at("round", begun[0] + timedelta(seconds=0.3))
        elif len(begun) == 2:
            engine.submit_at("round", begun[0])  # past: at once
        else:
            third.set()

    engine.every("round", HOUR, job)
    thread = in_thread(engine)
    assert third.wait(10)
    engine.stop()
    thread.join(10)
    assert begun[1] - begun[0] >= timedelta(seconds=0.3)


def test_a_beat_that_comes_sooner_stays() -> None:
    engine, ran = InProcessEngine(), threading.Semaphore(0)

    def job() -> None:
        engine.submit_at("round", datetime.now(UTC) + HOUR)
        ran.release()

    engine.every("round", timedelta(seconds=0.2), job)
    thread = in_thread(engine)
    assert all(ran.acquire(timeout=10) for _ in range(3))
    engine.stop()
    thread.join(10)
