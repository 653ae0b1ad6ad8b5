"""Processes of a demo: Ctrl-C is for the demo alone, which ends them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

from pipeline.cli.demo.children import start_deaf


def test_process_is_deaf_to_ctrl_c_from_its_beginning_and_the_demo_is_not() -> None:
    listening = signal.getsignal(signal.SIGINT)
    process = multiprocessing.get_context("spawn").Process(target=time.monotonic)

    start_deaf(process)
    os.kill(process.pid or 0, signal.SIGINT)
    process.join(30)

    assert process.exitcode == 0
    assert signal.getsignal(signal.SIGINT) is listening
