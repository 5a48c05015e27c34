"""Commands whose modules are imported only when they are needed, so that each starts quickly."""

import ast
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperCommand, TyperGroup

HELP_NAMES: Final = ["-h", "--help"]


class LazyCommand(TyperCommand):
    """Stands for a command, or a group of commands, in lists of commands, until it is needed.

    Typer brings a Click of its own in some versions and not in others, so Click's types are not named.
    """

    def __init__(self, name: str, place: str) -> None:
        """Take the `module:attribute`, in this package, of a function or a Typer."""
        self._module, self._attribute = place.split(":")
        super().__init__(name)

    def _summary(self) -> str:
        """Return the first paragraph of its help, read from the source without importing it."""
        file = Path(__file__).parent.joinpath(*self._module.split("."))
        file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
        for node in ast.parse(file.read_text("utf-8")).body:
            match node:
                case ast.FunctionDef(name=self._attribute):
                    return (ast.get_docstring(node) or "").partition("\n\n")[0]
                case ast.Assign(targets=[ast.Name(id=self._attribute)], value=ast.Call(keywords=given)):
                    return str(next(ast.literal_eval(one.value) for one in given if one.arg == "help"))
        raise AttributeError(f"{self._module} has no {self._attribute}")

    # The base class sets a text, which is ignored.
    help = property(_summary, lambda _self, _text: None)

    @cached_property
    def real(self) -> Any:
        """The command itself."""
        found = getattr(import_module(f".{self._module}", __package__), self._attribute)
        around = typer.Typer(rich_markup_mode="markdown")
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=self.name)
        else:
            around.command(self.name)(found)
        return _with_plain_flags(typer.main.get_group(around).commands[str(self.name)])

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the context of the command itself, which is what is then asked for help or invoked."""
        return self.real.make_context(*args, **kwargs)


def _with_plain_flags(command: Any) -> Any:
    """Have the help name a flag without `<bool>`, which is nothing that one could type after it."""
    # The command keeps the option that it makes here, so by the names that all of them have.
    help_option = command.get_help_option(typer.Context(command, help_option_names=HELP_NAMES))
    _name_plainly([*command.params, *([help_option] if help_option else [])])
    for below in getattr(command, "commands", {}).values():
        _with_plain_flags(below)
    return command


def _name_plainly(parameters: list[Any]) -> None:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""


class LazyGroup(TyperGroup):
    """A group of commands that are imported when one of them is needed."""

    later: ClassVar[Mapping[str, str]]
    """The `module:attribute` of each command, by name."""

    def __init__(self, *, commands: Any = (), **attributes: Any) -> None:
        later = {name: LazyCommand(name, place) for name, place in self.later.items()}
        super().__init__(commands={**later, **dict(commands)}, **attributes)

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters of the group itself, its flags named plainly."""
        parameters = super().get_params(ctx)
        _name_plainly(parameters)
        return parameters
