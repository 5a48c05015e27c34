"""What the pages say of tasks, in the visitor's language."""

from collections.abc import Callable
from typing import Any

from mentorcert.errors import InvalidArgumentError
from mentorcert.imports.tasks.model import Task
from mentorcert.translatable import say
from mentorcert.translations import translations
from mentorcert.web.context import RequestContext


def translator(context: RequestContext) -> Callable[[Any], str]:
    """Return the function that translates a packed text."""
    translate = translations(context.language).gettext
    return lambda packed: say(packed, translate)


def states(context: RequestContext) -> dict[str, str]:
    """Return the labels of states."""
    return {
        "queued": context._("Waiting"),
        "running": context._("Being done"),
        "done": context._("Done"),
        "failed": context._("Failed"),
        "cancelled": context._("Cancelled"),
    }


def verdicts(context: RequestContext) -> dict[str, str]:
    """Return the labels of the results for a row, and for the person and the certification in it."""
    return {
        "added": context._("New"),
        "changed": context._("Changed"),
        "unchanged": context._("As before"),
        "repeated": context._("Repetition"),
        "left_out": context._("Left out"),
        "bad": context._("Bad"),
    }


def step(context: RequestContext, task: Task) -> str:
    """Return what is being done."""
    steps = {
        "reading": context._("Reading the file"),
        "copying": context._("Preparing the rows"),
        "checking": context._("Checking against the registry"),
        "writing": context._("Writing into the registry")
        if task.kind == "import"
        else context._("Trying out what would be written"),
        "reporting": context._("Writing the report"),
        "asking": context._("Asking the registry"),
        "exporting": context._("Writing the file"),
    }
    if task.state == "queued":
        return context._("Waiting in line")
    return steps.get(task.step or "", context._("Beginning"))


def failure(context: RequestContext, task: Task) -> tuple[str, str]:
    """Return why a task failed, and what to do."""
    error: dict[str, Any] = task.error or {}
    again = context._("Try again. If it happens again, contact the operator of the registry.")
    match error.get("kind"):
        case "UnreadableFileError" if error.get("text"):
            translate = translator(context)
            return translate(error["text"]), translate(error["hint"]) if error.get("hint") else again
        case "UnreadableFileError":
            return context._("The file could not be read."), context._("Upload it once more to see why.")
        case "RegistryChangedError":
            return (
                context._(
                    "The registry was changed since the preview, and rows of the file do not fit any more."
                ),
                context._("Upload the file once more and look at the new preview."),
            )
        case "RequesterGoneError":
            return (
                context._("Who asked for this is no administrator any more."),
                context._("An administrator can ask for it again."),
            )
        case "AbandonedTaskError":
            return context._("No worker did this, or the worker was stopped three times."), again
        case _:
            return context._("Something went wrong inside."), again


def refusal(context: RequestContext, error: InvalidArgumentError) -> str:
    """Return why a request was refused."""
    return {
        "task_open_limit": context._(
            "Three imports or exports of your organisation are not finished. Wait for one, or cancel it."
        ),
        "task_file_size": context._("The file is larger than 20 MB. Divide it into several files."),
        "task_preview_usable": context._(
            "This preview was confirmed or discarded already, or is too old. Upload the file once more."
        ),
        "task_preview_good": context._("The file has rows with errors. Correct them, or leave them out."),
        "task_open": context._("It is finished already, and can't be cancelled any more."),
    }.get(error.constraint or "", context._("That is not possible."))
