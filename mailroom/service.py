"""`mailroom run`: rounds on a timer, and at once when a mailbox says that mail came.

One job does the rounds, so that nothing ever runs beside itself; one listener a mailbox waits on its
own connection (IMAP IDLE) and only rings. A listener that fails listens again after a back-off; the
timer goes on meanwhile, so a dead line costs seconds of promptness and never a message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from mailroom.engine import InProcessEngine
from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.oauth import logins
from mailroom.oauth.expiry import expiries

if TYPE_CHECKING:
    from ingest.mailbox import Mailbox, Session
    from mailroom.config import Config
    from mailroom.pipeline import Pipeline

__all__ = ["Listener", "serve", "serve_pipeline", "tell_dates"]

log = logging.getLogger(__name__)

WAIT = 9 * 60.0  # seconds; RFC 9051 asks to renew IDLE before 29 minutes, and some middle boxes drop lines sooner
CLOCK = timedelta(minutes=1)
BACK_OFF = (1, 5, 30, 60, 300)


class Listener(threading.Thread):
    """Waits for one mailbox and rings; ends promptly on ``close``."""

    def __init__(self, mailbox: Mailbox, ring: Callable[[], None]) -> None:
        super().__init__(name=f"listen:{mailbox.name}", daemon=True)
        self.mailbox, self.ring = mailbox, ring
        self._closing = threading.Event()
        self._session: Session | None = None

    def close(self) -> None:
        self._closing.set()
        if (session := self._session) is not None:
            session.stop()

    def run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                with self.mailbox.connect() as session:
                    self._session = session
                    if failures:
                        self.ring()  # mail may have come while nobody listened
                    failures = 0
                    while not self._closing.is_set():
                        if session.wait(WAIT) and not self._closing.is_set():
                            self.ring()
            except Exception as error:
                if self._closing.is_set():
                    return
                delay = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                failures += 1
                log.warning("%s: cannot listen (%s); again in %d s, the timer goes on", self.mailbox.name, error, delay)
                self._closing.wait(delay)
            finally:
                self._session = None


def tell_dates(config: Config) -> None:
    """Log the secrets and certificates that end soon or have ended."""
    try:
        for expiry in expiries(config):
            if expiry.near:
                log.log(logging.ERROR if expiry.over else logging.WARNING, "%s", expiry)
    except MailroomError as error:
        log.error("%s", error)


def serve_pipeline(pipeline: Pipeline, config: Config, *, signals: bool = True, engine: InProcessEngine | None = None) -> None:
    """Rounds until stopped. A Misconfigured at the first round ends it; later ones are logged, for servers come back."""
    engine = engine or InProcessEngine()
    fatal: list[Misconfigured] = []
    rounds = 0

    def one_round() -> None:
        nonlocal rounds
        try:
            with pipeline.store.exclusive(timeout=60):
                report = pipeline.round(stopping=lambda: engine.stopping)
        except Misconfigured as error:
            if rounds == 0:
                fatal.append(error)
                engine.stop()
                return
            log.error("%s", error)
        except Temporary as error:
            log.warning("%s; tried again at the next beat", error)
        except MailroomError as error:
            log.error("%s", error)
        else:
            for problem in report.errors:
                log.warning("%s", problem)
            if report.news:
                log.info("%s", report.summary())
            if report.paced_until is not None:
                engine.submit_at("round", report.paced_until)  # or half the pace is lost between two beats
        rounds += 1

    if any(True for _ in logins(config)):
        engine.every("dates", timedelta(days=1), lambda: tell_dates(config))
    every = min(mailbox.every for mailbox in config.mailboxes)
    engine.every("round", every, one_round)
    letters = pipeline.letters
    if config.digest is not None and letters is not None and every > CLOCK:  # the digest's hour is kept also where mail is looked for seldom
        clock = letters

        def look_at_the_clock() -> None:
            if clock.due(pipeline.now()):
                engine.submit("round")

        engine.every("clock", CLOCK, look_at_the_clock)
    settings = {mailbox.name: mailbox for mailbox in config.mailboxes}
    listeners = [Listener(mailbox, lambda: engine.submit("round")) for mailbox in pipeline.mailboxes if settings[mailbox.name].idle]
    for listener in listeners:
        listener.start()
    try:
        engine.run(signals=signals)
    finally:
        for listener in listeners:
            listener.close()
        for listener in listeners:
            listener.join(timeout=5)
    if fatal:
        raise fatal[0]


def serve(config: Config, build: Callable[[Config], Pipeline]) -> None:
    log.info("mailroom starts: %s", ", ".join(mailbox.name for mailbox in config.mailboxes))
    serve_pipeline(build(config), config)
    log.info("mailroom has stopped; nothing is half done")
