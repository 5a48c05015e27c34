"""Commands whose modules are imported only when they are asked for: each is to start quickly."""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """Stands for a command, or a group of commands, in lists of commands, until it is asked for.

    Typer brings a Click of its own in some versions and not in others, so Click's types are not named.
    """

    def __init__(self, name: str, place: str, summary: str) -> None:
        """Take the `module:attribute`, in this package, of a function or a Typer, and how its help begins."""
        super().__init__(name, help=summary)
        self._place = place

    @cached_property
    def real(self) -> Any:
        """The command itself."""
        module, attribute = self._place.split(":")
        found = getattr(import_module(f".{module}", __package__), attribute)
        around = typer.Typer(rich_markup_mode="markdown")
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=self.name)
        else:
            around.command(self.name)(found)
        return typer.main.get_group(around).commands[str(self.name)]

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the context of the command itself, which is what is then asked for help or invoked."""
        return self.real.make_context(*args, **kwargs)


class LazyGroup(TyperGroup):
    """A group of commands that are imported when one of them is asked for."""

    later: ClassVar[Mapping[str, tuple[str, str]]]
    """By name: where it is, and how its help begins."""

    def __init__(self, *, commands: Any = (), **attributes: Any) -> None:
        later = {name: LazyCommand(name, *of) for name, of in self.later.items()}
        super().__init__(commands={**later, **dict(commands)}, **attributes)
