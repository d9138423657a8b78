"""Checks the resources that steps ask for before a run needs them."""

from __future__ import annotations

from collections.abc import Iterator

from wf_core.errors import Finding
from wf_core.levels import Configs
from wf_core.resource import ResourceConfig, ResourceDefinition, ResourceDescriptor, ResourceManager


def check_configs(steps: Configs) -> list[Finding]:
    """What is wrong with the configuration files of the steps' resources, and of what those need."""
    seen: set[str] = set()
    return [
        Finding(fault, (name,))
        for name, config in steps.items()
        for definition in config.resources
        for fault in _config_faults(definition, f"step '{name}', parameter '{definition.name}'", seen)
    ]


def _config_faults(definition: ResourceDefinition, place: str, seen: set[str]) -> Iterator[str]:
    definition.resource.set_type_annotation(definition.type_annotation)
    stack: list[tuple[ResourceDescriptor, tuple[str, ...]]] = [(definition.resource, ())]
    while stack:
        resource, chain = stack.pop()
        chain = (*chain, resource.name)
        if resource.name in seen:
            continue
        seen.add(resource.name)
        for _, needed, annotation in resource.get_dependencies():
            needed.set_type_annotation(annotation)
            stack.append((needed, chain))
        if isinstance(resource, ResourceConfig):
            try:
                resource.call()
            except Exception as error:
                through = f" ({' -> '.join(chain)})" if len(chain) > 1 else ""
                yield f"In {place}{through}: {error}"


async def check_resources(steps: Configs, manager: ResourceManager) -> list[Finding]:
    """Make every resource once; what went wrong."""
    faults = []
    for name, config in steps.items():
        for definition in config.resources:
            definition.resource.set_type_annotation(definition.type_annotation)
            try:
                await manager.get(definition.resource)
            except Exception as error:
                place = f"In step '{name}', parameter '{definition.name}'"
                faults.append(Finding(f"{place}: {error}", (name,)))
    return faults
