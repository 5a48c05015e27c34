"""Guards of imports, exports and replays that administrators ask for; see `tests.support.mutations`."""

from typing import Final

from tests.support.mutations import Mutation, function

_REQUIRE: Final = "mentorcert_private.require_administered_organisation('{}')"
_OWN_ORGANISATION: Final = "public.get_user_organisation_id()"
_OWN: Final = "organisation_id = mentorcert_private.administered_organisation_id()"
_REQUEST: Final = "mentorcert_private.request_task(text,text,bytea,jsonb,uuid)"
_CANCEL: Final = "mentorcert_private.cancel_task(uuid)"
_SELECTION: Final = "mentorcert_portal.require_selection(jsonb)"
_PREVIEW_REPLAY: Final = "mentorcert_private.preview_replay(jsonb,integer)"
_START_REPLAY: Final = "mentorcert_portal.start_replay(uuid,jsonb,text,text)"
_REPLAY: Final = "mentorcert_portal.request_replay(jsonb,text)"
_POLICIES_OF_TASKS: Final = (
    '"administrators read the tasks of their organisation" on mentorcert_private.tasks',
    '"administrators read the rows of their organisation\'s tasks" on mentorcert_private.task_rows',
)
MUTATIONS: Final = [
    *(Mutation("tasks", f"drop policy {policy}") for policy in _POLICIES_OF_TASKS),
    *(
        Mutation("tasks", f"alter policy {policy} using ({using})")
        for policy in _POLICIES_OF_TASKS
        for using in (
            "mentorcert_private.check_endpoint('peer_mentors') and mentorcert_private.check_endpoint('certifications')",
            f"mentorcert_private.check_endpoint('peer_mentors') and {_OWN}",
            f"mentorcert_private.check_endpoint('certifications') and {_OWN}",
            "organisation_id = public.get_user_organisation_id()",
        )
    ),
    Mutation("tasks", "grant select on mentorcert_private.tasks to authenticated"),
    Mutation("tasks", "alter table mentorcert_private.tasks disable row level security"),
    Mutation("tasks", "alter table mentorcert_private.task_rows disable row level security"),
    *(
        Mutation("tasks", f"alter table mentorcert_private.tasks drop constraint tasks_{name}")
        for name in ("kind_valid", "file_valid", "file_name_valid")
    ),
    function(
        "tasks",
        "mentorcert_private.task_organisation()",
        "mentorcert_private.check_endpoint('peer_mentors'),",
        "",
    ),
    function(
        "tasks",
        "mentorcert_private.task_organisation()",
        ", mentorcert_private.check_endpoint('certifications')",
        "",
    ),
    function(
        "tasks", "mentorcert_private.task_organisation()", _REQUIRE.format("task_right"), _OWN_ORGANISATION
    ),
    function("tasks", _REQUEST, "other.organisation_id = own_id and", ""),
    function("tasks", _REQUEST, "count(*) >= 3", "count(*) >= 4"),
    function("tasks", _REQUEST, "and other.state in ('queued', 'running')", ""),
    function("tasks", _REQUEST, "and confirmed.organisation_id = own_id", ""),
    function("tasks", _REQUEST, "and confirmed.kind = 'import_preview'", ""),
    function("tasks", _REQUEST, "preview.state <> 'done' or", ""),
    function("tasks", _REQUEST, "or preview.file is null", ""),
    function("tasks", _REQUEST, "(preview.result ->> 'lines_bad')::integer > 0", "false"),
    function("tasks", _REQUEST, "preview_id is not null or", ""),
    function("tasks", _REQUEST, "kind = 'export' and (file is not null or file_name is not null)", "false"),
    function("tasks", _REQUEST, "kind = 'import_preview' and (file is null or file_name is null)", "false"),
    function(
        "tasks", _REQUEST, "perform mentorcert_private.delete_task_contents(array[preview.id])", "perform 1"
    ),
    function(
        "tasks",
        _REQUEST,
        "when 'xlsx' then 'xlsx' else 'csv' end",
        "when '' then '' else options ->> 'format' end",
    ),
    function("tasks", _CANCEL, "and asked.organisation_id = own_id", ""),
    function("tasks", _CANCEL, "and task.kind = 'import_preview'", ""),
    function(
        "tasks", _CANCEL, "perform mentorcert_private.delete_task_contents(array[task.id])", "perform 1"
    ),
    Mutation(
        "tasks",
        'drop policy "administrators read the replays of their organisation" on mentorcert_portal.replays',
    ),
    Mutation(
        "tasks",
        'alter policy "administrators read the replays of their organisation" on mentorcert_portal.replays using (true)',
    ),
    Mutation("tasks", "grant select on mentorcert_portal.replays to authenticated"),
    function("tasks", _REPLAY, _REQUIRE.format("replay_right"), _OWN_ORGANISATION),
    function("tasks", _REPLAY, "perform mentorcert_private.require_reason(reason);", ""),
    function("tasks", _REPLAY, "perform mentorcert_portal.require_connection(organisation_id);", ""),
    function("tasks", _SELECTION, "is_understood is not true", "false"),
    function("calendar", _SELECTION, "perform mentorcert_private.require_instants", "--"),
    function(
        "calendar",
        "mentorcert_portal.instant(timestamptz)",
        "perform mentorcert_private.require_instants",
        "--",
    ),
    function("calendar", _START_REPLAY, "select mentorcert_portal.require_selection(selection);", ""),
    function("calendar", _PREVIEW_REPLAY, "perform mentorcert_portal.require_selection(selection);", ""),
    function("tasks", _REPLAY, "set is_requested = true", "set is_requested = false"),
]
