"""What courses, and their certifications and chapters, are called on pages."""

from collections.abc import Mapping
from typing import Final

from mentorcert.courses.courses import Course, Kind, State
from mentorcert.translatable import LazyText
from mentorcert.translations import Language

KINDS: Final[Mapping[Kind, LazyText]] = {
    "course": LazyText("Course"),
    "refresher": LazyText("Refresher course"),
}
STATES: Final[Mapping[State, LazyText]] = {
    "planned": LazyText("Planned"),
    "cancelled": LazyText("Called off"),
    "closed": LazyText("Closed"),
}


def course_name(course: Course, language: Language) -> str:
    """Return the name of a course: the Norwegian one where there is no other."""
    return (course.name_en if language == "en" else None) or course.name_nb
