"""What the pages say of tasks, in the visitor's language."""

from collections.abc import Callable
from typing import Any

from mentorcert.errors import InvalidArgumentError
from mentorcert.tasks.model import Task
from mentorcert.translations import translations
from mentorcert.web.visit import Visit
from mentorcert.wording import say


def saying(visit: Visit) -> Callable[[Any], str]:
    """Return what says a packed sentence."""
    translate = translations(visit.language).gettext
    return lambda packed: say(packed, translate)


def states(visit: Visit) -> dict[str, str]:
    """Return the words for states."""
    return {
        "queued": visit._("Waiting"),
        "running": visit._("Being done"),
        "done": visit._("Done"),
        "failed": visit._("Failed"),
        "cancelled": visit._("Cancelled"),
    }


def verdicts(visit: Visit) -> dict[str, str]:
    """Return the words for what becomes of a row, and of the person and the certification in it."""
    return {
        "added": visit._("New"),
        "changed": visit._("Changed"),
        "unchanged": visit._("As before"),
        "repeated": visit._("Repetition"),
        "left_out": visit._("Left out"),
        "bad": visit._("Bad"),
    }


def step(visit: Visit, task: Task) -> str:
    """Return what is being done."""
    steps = {
        "reading": visit._("Reading the file"),
        "copying": visit._("Preparing the rows"),
        "checking": visit._("Checking against the registry"),
        "writing": visit._("Writing into the registry")
        if task.kind == "import"
        else visit._("Trying out what would be written"),
        "reporting": visit._("Writing the report"),
        "asking": visit._("Asking the registry"),
        "exporting": visit._("Writing the file"),
    }
    if task.state == "queued":
        return visit._("Waiting to be taken up")
    return steps.get(task.step or "", visit._("Beginning"))


def failure(visit: Visit, task: Task) -> tuple[str, str]:
    """Return why a task failed, and what to do."""
    error: dict[str, Any] = task.error or {}
    again = visit._("Try again. If it happens again, tell whoever operates the registry.")
    match error.get("kind"):
        case "UnreadableFileError" | "UnwritableTextError" if error.get("text"):
            told = saying(visit)
            return told(error["text"]), told(error["hint"]) if error.get("hint") else again
        case "UnreadableFileError":
            return visit._("The file could not be read."), visit._("Upload it once more to see why.")
        case "RegistryChangedError":
            return (
                visit._(
                    "The registry was changed since the preview, and rows of the file do not fit any more."
                ),
                visit._("Upload the file once more and look at the new preview."),
            )
        case "RequesterGoneError":
            return (
                visit._("Who asked for this is no administrator any more."),
                visit._("An administrator can ask for it anew."),
            )
        case "AbandonedTaskError":
            return visit._("Nobody did the work, or whoever began it was stopped three times."), again
        case _:
            return visit._("Something went wrong inside."), again


def refusal(visit: Visit, error: InvalidArgumentError) -> str:
    """Return why a request was refused."""
    return {
        "task_open_limit": visit._(
            "Three imports or exports of your organisation are not finished. Wait for one, or cancel it."
        ),
        "task_file_size": visit._("The file is larger than 20 MiB. Divide it into several files."),
        "task_preview_usable": visit._(
            "This preview was confirmed or thrown away already, or is too old. Upload the file once more."
        ),
        "task_preview_good": visit._("The file has bad rows. Mend them, or leave them out."),
        "task_open": visit._("It is finished already, and can't be cancelled any more."),
    }.get(error.constraint or "", visit._("That is not possible."))
