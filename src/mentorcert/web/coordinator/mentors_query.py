"""What the address of the list of peer mentors asks for: also who lacks what on a day."""

from collections.abc import Mapping

from mentorcert.certifications.mentor_list import MentorFilters, Standing
from mentorcert.web.context import RequestContext
from mentorcert.web.coordinator.list_query import PagedQuery, TypeCode
from mentorcert.web.fields import MaybeChosen, OptionalDay, SearchText, Ticked


class MentorsQuery(PagedQuery):
    """The list of peer mentors; who `holds` a type, and the `standing` with another `type`, is judged `on` a day."""

    PATH = "/mentors"

    q: SearchText = None
    left: Ticked = False
    holds: TypeCode = None
    standing: MaybeChosen[Standing] = None
    type: TypeCode = None
    first: OptionalDay = None
    last: OptionalDay = None
    on: OptionalDay = None

    def filters(self) -> MentorFilters:
        """Return what the rows are narrowed to."""
        is_between = self.standing in {"ends", "obtained"}
        return MentorFilters(
            query=self.q,
            chapter_id=self.chapter,
            with_left=self.left,
            holds=self.holds,
            certification_type=self.type,
            standing=self.standing,
            first_day=self.first if is_between else None,
            last_day=self.last if is_between else None,
            on_day=self.on,
        )

    def faults(self, context: RequestContext) -> dict[str, str]:
        """Return what is wrong with what was typed, by field, in the reader's language."""
        return {**self._missing(context), **super().faults(context)}

    def _missing(self, context: RequestContext) -> Mapping[str, str]:
        if self.standing and self.lacks("type"):
            return {"type": context._("Choose the certification that this is about.")}
        if self.type and self.lacks("standing"):
            return {"standing": context._("Choose how people stand with this certification.")}
        if self.standing in {"ends", "obtained"}:
            if self.lacks("first") and self.lacks("last"):
                return {"first": context._("Write the first day, the last one, or both.")}
            if self.first and self.last and self.first > self.last:
                return {"last": context._("The last day comes before the first.")}
        return {}
