"""Resources: made when needed, kept as long as promised, and explained when they can't be made."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ValidationError

from wf_core.resource import Resource, ResourceConfig, ResourceDefinition, ResourceDescriptor, ResourceManager


class Connection:
    """Something worth keeping."""


def connect() -> Connection:
    return Connection()


async def test_a_value_is_kept_for_the_manager():
    manager = ResourceManager()
    assert await manager.get(Resource(connect)) is await manager.get(Resource(connect))
    assert list(manager.get_all()) == ["connect"]
    assert await ResourceManager().get(Resource(connect)) is not await manager.get(Resource(connect))


async def test_an_uncached_value_is_made_once_per_invocation():
    manager, fresh = ResourceManager(), Resource(connect, cache=False)

    def pool(connection: Annotated[Connection, fresh]) -> list[Connection]:
        return [connection]

    pooled = Resource(pool, cache=False)
    pooled.set_localns(locals())
    asked = [ResourceDefinition("one", fresh), ResourceDefinition("pool", pooled)]
    first, second = await manager.resolve_all(asked), await manager.resolve_all(asked)
    assert first["pool"] == [first["one"]]
    assert second["one"] is not first["one"]
    assert manager.get_all() == {}


async def name_of_the_pool() -> str:
    return "main"


async def make_pool(
    connection: Annotated[Connection, Resource(connect)], name: Annotated[str, Resource(name_of_the_pool)]
) -> tuple[Connection, str]:
    return connection, name


async def test_factories_may_be_async_and_have_resources_of_their_own():
    manager = ResourceManager()
    connection, name = await manager.get(Resource(make_pool))
    assert connection is await manager.get(Resource(connect))
    assert name == "main"


async def test_a_factory_parameter_that_is_no_resource_is_explained():
    def unclear(connection: Connection, size: int = 1) -> None: ...

    with pytest.raises(TypeError, match=r"unclear has no value for its parameter connection: annotate it"):
        await ResourceManager().get(Resource(unclear))


async def test_a_double_can_be_put_in_place_by_name():
    manager, double = ResourceManager(), Connection()
    await manager.set("connect", double)
    assert await manager.get(Resource(connect)) is double


async def test_two_factories_of_one_name_do_not_share_a_value():
    def factory(value: int) -> Resource:
        return Resource(lambda: value)

    one, two, manager = factory(1), factory(2), ResourceManager()
    assert [await manager.get(r) for r in (one, two, one, two)] == [1, 2, 1, 2]


async def test_steps_that_need_a_value_at_the_same_time_get_the_same_one():
    made = 0
    ready = asyncio.Event()

    async def slow() -> Connection:
        nonlocal made
        made += 1
        await ready.wait()
        return Connection()

    manager, resource = ResourceManager(), Resource(slow)
    both = [asyncio.create_task(manager.get(resource)) for _ in range(3)]
    await asyncio.sleep(0)
    ready.set()
    assert len(set(await asyncio.gather(*both))) == made == 1


async def test_a_factory_that_failed_is_asked_again():
    attempts = 0

    async def flaky() -> str:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts == 1:
            raise ConnectionError("down")
        return "up"

    manager, resource = ResourceManager(), Resource(flaky)
    outcomes = await asyncio.gather(*(manager.get(resource) for _ in range(3)), return_exceptions=True)
    assert [type(o) for o in outcomes] == [ConnectionError, str, str]
    assert attempts == 2


def chicken(egg: Annotated[str, Resource(lambda: "")]) -> str:
    return egg


def egg(chicken: Annotated[str, Resource(chicken)]) -> str:
    return chicken


async def test_a_circle_is_an_error_that_shows_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(chicken.__annotations__, "egg", Annotated[str, Resource(egg)])
    for cache in (True, False):
        with pytest.raises(
            ValueError, match="Circular resource dependency detected: chicken -> egg -> chicken"
        ):
            await ResourceManager().get(Resource(chicken, cache=cache))


def test_anything_with_the_right_members_is_a_resource():
    assert isinstance(Resource(connect), ResourceDescriptor)
    assert isinstance(ResourceConfig("a.json"), ResourceDescriptor)
    assert not isinstance(connect, ResourceDescriptor)


# -- configuration files
class Limits(BaseModel):
    retries: int
    names: list[str] = []


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "app.json"
    file.write_text(json.dumps({"retries": 1, "deep": {"limits": {"retries": 2}, "no": 3}}))
    return file


async def read(file: Path, selector: str | None = None, manager: ResourceManager | None = None) -> Any:
    asked = ResourceDefinition("limits", ResourceConfig(str(file), selector), Limits)
    return (await (manager or ResourceManager()).resolve_all([asked]))["limits"]


async def test_a_file_is_read_into_the_annotated_model(config: Path):
    assert await read(config) == Limits(retries=1)
    assert await read(config, "deep.limits") == Limits(retries=2)


async def test_a_changed_file_is_read_again_by_the_next_workflow(config: Path):
    manager = ResourceManager()
    before = await read(config, manager=manager)
    stamp = config.stat().st_mtime_ns
    config.write_text('{"retries": 7}')
    if config.stat().st_mtime_ns == stamp:
        os.utime(config, ns=(stamp + 1, stamp + 1))
    assert await read(config, manager=manager) is before
    assert await read(config) == Limits(retries=7)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("deep.no", r"at path deep\.no, got: <class 'int'>"),
        ("nope.x", "at path nope, got: <class 'NoneType'>"),
    ],
)
async def test_a_selector_that_leads_nowhere_names_the_place(config: Path, selector: str, message: str):
    with pytest.raises(ValueError, match=message):
        await read(config, selector)


async def test_a_file_that_does_not_fit_or_exist_is_an_error(config: Path, tmp_path: Path):
    with pytest.raises(ValidationError):
        await read(config, "deep")
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        await read(tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"Only JSON files .*'app.yaml'"):
        ResourceConfig("app.yaml")
    with pytest.raises(ValueError, match="annotate the parameter"):
        await ResourceManager().get(ResourceConfig(str(config)))
