import os
import signal
import time

import pytest

from palingen.runtime.errors import Interrupted
from palingen.runtime.signals import interruptible, note_interrupts


@pytest.fixture
def waiting_worker():
    """SIGINT is handled as in a worker that waits for a run."""
    previous = signal.getsignal(signal.SIGINT)
    note_interrupts()
    yield
    signal.signal(signal.SIGINT, previous)


def test_an_interrupt_in_a_waiting_worker_stops_the_next_run_of_its_study(waiting_worker):
    since = time.time()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible("study", since):
        pass


def test_an_interrupt_of_an_earlier_study_stops_no_run(waiting_worker):
    os.kill(os.getpid(), signal.SIGINT)
    with interruptible("study", time.time()):
        handler = signal.getsignal(signal.SIGINT)
    assert handler is signal.default_int_handler


def test_an_interrupt_stops_the_run_of_a_worker_which_then_waits_again(waiting_worker):
    waiting = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible("study", time.time()):
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is waiting


@pytest.mark.usefixtures("waiting_worker")
def test_after_a_run_that_was_interrupted_the_next_one_of_the_study_stops_at_once():
    since = time.time()
    with pytest.raises(Interrupted), interruptible("study", since):
        raise Interrupted("saved")
    with pytest.raises(KeyboardInterrupt), interruptible("study", since):
        pytest.fail("the run began")
    with interruptible("a later study", time.time() + 1):
        pass


def test_a_process_that_is_no_worker_handles_interrupts_as_before():
    before = signal.getsignal(signal.SIGINT)
    with interruptible("study", 0.0):
        assert signal.getsignal(signal.SIGINT) is before
