"""The clock between two records: it moves with the wall, and keeps to what the records say."""

from __future__ import annotations

from wf_tui.run_clock import RunClock


class Wall:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_moves_with_the_wall_until_the_run_stops() -> None:
    wall = Wall()
    clock = RunClock(wall)
    clock.heard("a", 1.0, stopped=False)
    wall.now += 2
    assert clock.now() == 3.0
    clock.heard("a", 2.5, stopped=True)
    wall.now += 2
    assert clock.now() == 2.5


def test_a_run_slower_than_the_wall_is_never_left_behind_nor_shown_going_back() -> None:
    wall = Wall()
    clock = RunClock(wall)
    seen = []
    for tick in range(100):
        clock.heard("a", tick * 0.05, stopped=False)
        wall.now += 0.1
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1] < 99 * 0.05 + 0.2


def test_hearing_of_the_same_record_again_turns_nothing_back() -> None:
    wall = Wall()
    clock = RunClock(wall)
    clock.heard("a", 2.0, stopped=False)
    wall.now += 5
    clock.heard("a", 2.0, stopped=False)
    wall.now += 1
    assert clock.now() == 8.0


def test_another_run_starts_anew() -> None:
    wall = Wall()
    clock = RunClock(wall)
    clock.heard("a", 9.0, stopped=False)
    assert clock.now() == 9.0
    clock.heard("b", 0.5, stopped=False)
    assert clock.now() == 0.5
