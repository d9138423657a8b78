"""The seam between the host and an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from wf_debug.wire import InjectResult, SnapshotResult, WorkflowInfo


@dataclass(frozen=True, slots=True)
class Offer:
    """One workflow that a module offers: its description, its class, and how to get an instance to run."""

    info: WorkflowInfo
    workflow: type
    make: Callable[[], Any]


class Backend(Protocol):
    """One engine under the debugger. Unless said otherwise, methods are called on the run's loop.

    All raise `Refused` for what can't be done. Runs that user code starts by itself are seen like those
    started here.
    """

    @property
    def name(self) -> str:
        """As in a workflow's `engine`."""

    @property
    def version(self) -> str:
        """Of the engine."""

    def attach(self) -> None:
        """From now on every run of this engine in the process is debugged."""

    def stand_in(self) -> None:
        """From now on flows that are written for another engine of the same API are run by this one."""

    def find(self, module: ModuleType) -> list[Offer]:
        """The module's workflows, described and checked. Called with no loop running."""

    def describe(self, flow: Any) -> Offer | None:
        """A workflow that user code made and runs; None for one of another engine. Any thread."""

    def fields(self, value: Any) -> Mapping[str, Any] | None:
        """The fields of this engine's events; None for any other value. Any thread."""

    def build(self, workflow: type, type_name: str, data: Mapping[str, Any]) -> Any:
        """An event of a type that the workflow declares, or that a run of it used. Any thread.

        Raises:
            Refused: unknown_event with the closest names, invalid_input with one entry a field.
        """

    def knows_event(self, name: str) -> bool:
        """Whether user code has loaded an event class of this engine with that name. Any thread."""

    def rebuild(self, original: Any, data: Mapping[str, Any]) -> Any:
        """An event like `original` with fields replaced; what `data` repeats unchanged stays the same
        object."""

    def workflow_of(self, run: str) -> type:
        """The workflow class of a live run. Raises: Refused: unknown_run. Any thread."""

    def live_runs(self) -> list[str]:
        """Ids of the runs that have not ended. Any thread."""

    def on_loop_of(self, run: str, job: Callable[[], None]) -> None:
        """Call `job` soon on the loop that the run lives on. Any thread. Raises: Refused: unknown_run."""

    def start(self, offer: Offer, data: Mapping[str, Any], journal: str | None = None) -> str:
        """Start a run from the start event's fields; its id. `journal` is the file to keep it in."""

    def resume_journal(self, offer: Offer, journal: str) -> str:
        """Continue the latest run of the file that did not come to its end; its id.

        Raises:
            Refused: when there is none, it does not fit the workflow, or the engine keeps no journals.
        """

    def inject(self, run: str, event: Any, step: str | None) -> InjectResult:
        """Send an event in from the debugger."""

    def cancel(self, run: str) -> None:
        """End the run as its own caller would."""

    def state(self, run: str) -> dict[str, Any]:
        """The run's state as plain JSON data. Any thread."""

    def snapshot(self, run: str) -> SnapshotResult:
        """The run as JSON, numbers of its events and invocations included."""

    def checkpoint(self, run: str) -> SnapshotResult:
        """As `snapshot`, for this process alone: parts of it need not have a JSON form."""

    def resume(self, offer: Offer, snapshot: Mapping[str, Any], drop_lost: bool) -> tuple[str, list[str]]:
        """Continue a snapshot under the same run id; what got lost, in words.

        Raises:
            Refused: cannot_carry_over with one entry for everything that would be lost, unless `drop_lost`.
        """
