"""Guards of changes of many, of undoing them and of drafts of forms, and the pgTAP files that must notice they are gone."""

from typing import Final

from tests.support.mutations import Mutation, function

_FILE: Final = "change_batches"
_TABLE: Final = "mentorcert_private.change_batches"
_DRAFTS: Final = "mentorcert_private.form_drafts"
_READ: Final = "people read their own batches, administrators all"
_RECORD: Final = "people record their own batches"
_REVERT: Final = "people record that batches were reverted"
_NOTED: Final = "mentorcert_private.record_batch(text,uuid[])"
_PREVIEW: Final = "mentorcert_private.preview_batch_reversal(uuid)"
_DONE: Final = "mentorcert_private.revert_batch(uuid,text,boolean)"

MUTATIONS: Final = [
    Mutation(_FILE, f'drop policy "{_READ}" on {_TABLE}'),
    Mutation(_FILE, f'alter policy "{_READ}" on {_TABLE} using (true)'),
    Mutation(_FILE, f'drop policy "{_RECORD}" on {_TABLE}'),
    Mutation(_FILE, f'alter policy "{_RECORD}" on {_TABLE} with check (true)'),
    Mutation(_FILE, f'alter policy "{_REVERT}" on {_TABLE} with check (true)'),
    function(_FILE, _NOTED, "acting is null or", ""),
    function(_FILE, _NOTED, "or record_batch.change = 'revert'", ""),
    function(
        _FILE,
        _PREVIEW,
        "when latest.entry ->> 'entry_id' is distinct from listed.entry_id::text then 'certification_change_revertible'",
        "",
    ),
    function(_FILE, _DONE, "refused is not null and not leaves_out or ids is null", "ids is null"),
    function(
        _FILE,
        "public.revert_change(uuid,text)",
        "mentorcert_private.acting_user() is not null then",
        "true then",
    ),
    *(
        Mutation("form_drafts", f'{action} policy "people {verb} their own drafts" on {_DRAFTS} {widened}')
        for verb, clause in (("read", "using"), ("keep", "with check"))
        for action, widened in (("drop", ""), ("alter", f"{clause} (true)"))
    ),
    Mutation("form_drafts", f"drop trigger keep_latest on {_DRAFTS}"),
    function(
        "form_drafts",
        "mentorcert_private.delete_outdated(integer)",
        "perform mentorcert_private.delete_outdated_form_drafts();",
        "",
    ),
]
