"""What consumers and producers of the simulated log share: the way to it and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.log.port import Unavailable

if TYPE_CHECKING:
    from tests.simulation.broker import SimBroker


def slot_of(process: str) -> str:
    return process.partition(".")[0]


class Client:
    """What consumers and producers share: the way to the log and back."""

    def __init__(self, broker: SimBroker) -> None:
        self.process = broker.machine.current
        self._who = self.process.name if self.process is not None else ""
        self._broker = broker
        self._machine = broker.machine

    def _arrive(self, what: str, timeout: float) -> bool:
        """Bring a request to the log, waiting while it is away; False when it does not come back in time."""
        machine, broker = self._machine, self._broker
        machine.step(what)
        if machine.faults.hit("outage"):
            broker.down_until = machine.now + 5.0 * machine.chance.random()
        away = broker.reaches(self.process) - machine.now
        if away > timeout:
            machine.sleep(timeout)
            return False
        if away > 0:
            machine.sleep(away)
        return True

    def ask(self, what: str, timeout: float) -> None:
        """Bring a request that may be made again; raises `Unavailable`."""
        if not self._arrive(what, timeout):
            message = f"cannot {what}: no answer"
            raise Unavailable(message)
        if self._machine.faults.hit("unavailable"):
            self._machine.sleep(self._machine.chance.random() * timeout)
            message = f"cannot {what}: no answer in {timeout} s"
            raise Unavailable(message)
