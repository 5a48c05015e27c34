"""What is imported only when it is used: most commands need no HTTP server, and are to start quickly."""

import sys
from functools import cached_property
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class LazyGroup(TyperGroup):
    """A group of commands whose module, with a Typer named `commands`, is imported when one is asked for.

    Typer brings a Click of its own in some versions and not in others, so Click's types are not named.
    """

    module: ClassVar[str]

    @cached_property
    def _group(self) -> TyperGroup:
        commands: typer.Typer = import_module(self.module).commands
        return typer.main.get_group(commands)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return self._group.list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command."""
        return self._group.get_command(ctx, cmd_name)


def lazy_module(name: str) -> ModuleType:
    """Return a module that is imported when something of it is first used."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name)
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
