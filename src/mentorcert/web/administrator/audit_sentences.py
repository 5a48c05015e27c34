"""An entry of the audit log as a sentence: who did what with which thing."""

from collections.abc import Mapping
from typing import Final, Literal

from mentorcert.access.audit_log import Entry
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.audit_words import HIDDEN, field_text
from mentorcert.web.context import RequestContext

_NAMED_AT_MOST: Final = 3

_SENTENCES: Final[Mapping[Literal["insert", "update", "delete", "erase"], LazyText]] = {
    "insert": LazyText("%(who)s added %(what)s"),
    "update": LazyText("%(who)s changed %(what)s"),
    "delete": LazyText("%(who)s removed %(what)s"),
    "erase": LazyText("%(who)s erased %(what)s"),
}
_THINGS: Final[Mapping[str, LazyText]] = {
    "certificate_designs": LazyText("the design of the certificates"),
    "certification_types": LazyText("the certification type"),
    "chapters": LazyText("the chapter"),
    "connections": LazyText("the connection to the portal"),
    "course_sign_ups": LazyText("the sign-up for a course"),
    "courses": LazyText("the course"),
    "distinct_peer_mentors": LazyText("the remark that look-alikes are two persons"),
    "invitations": LazyText("the invitation"),
    "memberships": LazyText("the access"),
    "organisations": LazyText("the organisation"),
    "peer_mentor_chapters": LazyText("a chapter of the peer mentor"),
    "peer_mentor_merges": LazyText("the merge of peer mentors"),
    "peer_mentor_notes": LazyText("a note on the peer mentor"),
    "peer_mentors": LazyText("the peer mentor"),
    "renewal_requests": LazyText("the request for renewal"),
    "replays": LazyText("a replay to the portal"),
    "tasks": LazyText("an import or export"),
    "topics": LazyText("the topic or language"),
}
_JOBS: Final[Mapping[str, LazyText]] = {
    "erasure": LazyText("the erasure"),
    "import": LazyText("an import"),
    "nightly": LazyText("the nightly run"),
    "portal": LazyText("the portal"),
}


def sentence(context: RequestContext, entry: Entry, names: Mapping[str, str]) -> str:
    """Return who did what; of a change also which details, the first of them."""
    what = context._(_THINGS.get(entry.table_name, LazyText("the registry")))
    if name := _name(context, entry, names):
        what = context._("%(what)s “%(name)s”", what=what, name=name)
    said = context._(_SENTENCES[entry.action], who=_who(context, entry, names), what=what)
    fields = [field for field, _, _ in entry.changes() if field not in HIDDEN and field != "personal_data"]
    if entry.action != "update" or not fields:
        return said
    labels = [field_text(context, field) for field in fields[:_NAMED_AT_MOST]]
    more = "…" if len(fields) > _NAMED_AT_MOST else ""
    return f"{said}: {', '.join(dict.fromkeys(label[0].lower() + label[1:] for label in labels))}{more}"


def _who(context: RequestContext, entry: Entry, names: Mapping[str, str]) -> str:
    if user_id := entry.actor.get("user_id"):
        return names.get(user_id) or context._("somebody whose address is not shown")
    if job := entry.actor.get("job"):
        return context._(_JOBS.get(job, LazyText("the registry")))
    return context._("the operator")


def _name(context: RequestContext, entry: Entry, names: Mapping[str, str]) -> str | None:
    """Return what the row is called, or whose it is."""
    values = {**(entry.before or {}), **(entry.after or {})}
    ids = (entry.row_id, values.get("peer_mentor_id"), values.get("user_id"))
    known = next((names[id_] for id_ in ids if id_ and id_ in names), None)
    return known or values.get("name") or values.get(f"name_{context.language}") or values.get("name_nb")
