"""Guards of the database, each with the statement that takes it away and the pgTAP file that must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One guard less: `file` is the topic in supabase/tests/database."""

    file: str
    statement: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or self.statement


def function(file: str, signature: str, guard: str, instead: str, name: str = "") -> Mutation:
    """Put other words in the place of a function's guard; fails where the function has no such words."""
    statement = f"""do $mutation$
declare
  source constant text := pg_catalog.pg_get_functiondef('{signature}'::regprocedure);
  guard constant text := $guard${guard}$guard$;
begin
  if pg_catalog.strpos(source, guard) = 0 then
    raise exception 'the function has no such guard';
  end if;
  execute replace(source, guard, $instead${instead}$instead$);
end
$mutation$"""
    return Mutation(file, statement, name or f"{signature.partition('(')[0]}: {guard[:60]}")


def view(file: str, name: str, guard: str, instead: str) -> Mutation:
    """Put other words in the place of a view's guard; fails where the view has no such words."""
    statement = f"""do $mutation$
declare
  source constant text := pg_catalog.pg_get_viewdef('{name}'::regclass, true);
  guard constant text := $guard${guard}$guard$;
begin
  if pg_catalog.strpos(source, guard) = 0 then
    raise exception 'the view has no such guard';
  end if;
  execute 'create or replace view {name} with (security_invoker = true) as '
    || replace(source, guard, $instead${instead}$instead$);
end
$mutation$"""
    return Mutation(file, statement, f"{name}: {guard[:60]}")


def _trigger(
    guard: str, name: str, file: str = "history_appended", trigger: str = "record_change_on_update"
) -> Mutation:
    """Leave one condition out of those under which a row brings its own history entry."""
    statement = f"""do $mutation$
declare
  source text;
  guard constant text := $guard${guard}$guard$;
begin
  select pg_catalog.pg_get_triggerdef(oid) into source from pg_catalog.pg_trigger
  where tgname = '{trigger}';
  if pg_catalog.strpos(source, guard) = 0 then
    raise exception 'the trigger has no such guard';
  end if;
  execute replace(replace(source, guard, 'true'), 'CREATE TRIGGER', 'create or replace trigger');
end
$mutation$"""
    return Mutation(file, statement, f"{trigger}: {name}")


_RECORD = "mentorcert_private.record_change()"
_CERTIFICATION = "public.peer_mentor_certifications"
_PROLONG = "mentorcert_private.prolong_certifications(uuid[],timestamptz[],timestamptz[])"
_PROLONGATION = (
    "mentorcert_private.entry_of_prolongation(text,timestamptz,timestamptz,text,timestamptz,timestamptz)"
)
_TAKE_BACK = "mentorcert_private.take_back_extension(uuid[])"
_REGISTER = "mentorcert_private.register_imported(uuid,uuid[],text[],date[],date[])"
_REVERSAL = "mentorcert_private.entry_of_reversal(jsonb,jsonb,text,timestamptz)"
_DATE_RULE = "mentorcert_private.violated_date_rule(timestamptz,timestamptz,text,timestamptz)"
_PAGE = "public.certifications_page(timestamptz,uuid,integer,text,text,uuid,timestamptz,boolean)"
_LISTING = "mentorcert_private.derived_listing(uuid[])"
_AS_OF = "public.certification_as_of(uuid,timestamptz,timestamptz)"

_LAST_DAY = [
    function(
        "last_valid_day",
        f"public.last_valid_day({_CERTIFICATION})",
        "organisation.time_zone",
        "current_setting('TimeZone')",
    ),
    function("last_valid_day", f"public.last_valid_day({_CERTIFICATION})", ") - 1", ")"),
    function(
        "last_valid_day",
        "mentorcert.certifications_page(timestamptz,uuid,integer,text,text,uuid,timestamptz)",
        "(select mentorcert_private.time_zone_of((select public.get_user_organisation_id())))",
        "current_setting('TimeZone')",
    ),
]

_REACH = [
    function(
        "memberships_ending",
        "public.get_user_organisation_id()",
        "(membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "true",
    ),
    function(
        "memberships_ending",
        "mentorcert_private.administered_organisation_id()",
        "(membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "true",
    ),
    function(
        "memberships_ending",
        "mentorcert_private.coordinated_chapter_ids()",
        "(membership.ended_at is null or membership.ended_at > statement_timestamp())",
        "true",
    ),
    function(
        "access_peer_mentors",
        "mentorcert_private.administered_organisation_id()",
        "membership.role = 'org_admin'",
        "true",
    ),
    function(
        "access_peer_mentors",
        "mentorcert_private.with_chapters_below(uuid[])",
        "chapter.parent_id = any(below)",
        "false",
    ),
    function("two_organisations", "public.get_user_organisation_id()", "app_metadata", "user_metadata"),
    function("two_organisations", "public.get_user_organisation_id()", "lower(auth", "(auth"),
    function("two_organisations", "public.get_user_organisation_id()", "ids[1] = all(ids)", "true"),
    function(
        "two_organisations",
        "mentorcert_private.own_peer_mentor_ids()",
        "mentor.organisation_id is not distinct from (select public.get_user_organisation_id())",
        "true",
    ),
    function(
        "two_organisations",
        "mentorcert_private.coordinated_chapter_ids()",
        "membership.organisation_id = (select public.get_user_organisation_id())",
        "true",
    ),
    function(
        "chapters_of_peer_mentors",
        "mentorcert_private.copy_chapter_ids()",
        "(link.ended_at is null or link.ended_at > statement_timestamp())",
        "true",
    ),
    function(
        "access_peer_mentor_certifications",
        _RECORD,
        "by_user and not mentorcert_private.may_certify",
        "false and mentorcert_private.may_certify",
    ),
    function("hidden_or_missing", _RECORD, "if not is_known or", "if is_known and"),
]
_CHANGES = [
    function("validity_rules", _RECORD, "perform mentorcert_private.require_administrator(is_admin);", ""),
    function("validity_rules", _RECORD, "not is_admin and kind in ('issued', 'renewed')", "false"),
    function("refused_changes", _RECORD, "kind in ('suspended', 'reverted') and by_user", "false"),
    function("refused_changes", _RECORD, "new.status = 'suspended' or", "false or"),
    function("refused_changes", _DATE_RULE, "issued_at > as_of", "false"),
    function("refused_changes", _DATE_RULE, "expires_at <= issued_at", "false"),
    function("refused_changes", _DATE_RULE, "(issued_at at time zone time_zone)::date", "issued_at::date"),
    function(
        "refused_changes",
        _DATE_RULE,
        "when expires_at <> mentorcert",
        "when false and expires_at <> mentorcert",
    ),
    function(
        "refused_changes",
        f"mentorcert_private.kind_of_change({_CERTIFICATION},{_CERTIFICATION},timestamptz)",
        "perform mentorcert_private.reject_transition(before.status, after.status)",
        "return 'corrected'",
    ),
    function(
        "refused_changes",
        "mentorcert_private.require_reason(text)",
        "coalesce(mentorcert_private.canonical_text(reason)",
        "coalesce('x' || mentorcert_private.canonical_text(reason)",
    ),
    function(
        "refused_changes",
        "public.suspend_certification(uuid,text)",
        "perform mentorcert_private.set_change_context(null);",
        "",
        "suspend_certification ends its announcement",
    ),
    function(
        "refused_changes",
        "public.renew_certification(uuid,date,date,text,jsonb)",
        "mentorcert_private.day_starts(renewed_on, time_zone) <= certification.issued_at",
        "false",
    ),
    function(
        "refused_changes",
        "mentorcert_private.upgrade_history_entry(jsonb)",
        "= mentorcert_private.current_history_version()",
        "is not null",
    ),
    function(
        "extending_and_reverting",
        "mentorcert_private.preview_extension(text,date,uuid,date)",
        "candidate.expires_at <= since",
        "false",
    ),
    function(
        "extending_and_reverting",
        "mentorcert_private.preview_extension(text,date,uuid,date)",
        "candidate.expires_at >= until",
        "false",
    ),
    function("extending_and_reverting", _RECORD, "is_admin or reverted ->> 'kind' in", "'' not in"),
    function(
        "extending_and_reverting", _RECORD, "if not is_admin then\n    added", "if false then\n    added"
    ),
    function("extending_and_reverting", _RECORD, "kind in ('suspended', 'reverted')", "kind = 'suspended'"),
    function(
        "extending_and_reverting",
        "public.revert_change(uuid,text)",
        "reverted < cardinality(members)",
        "false",
    ),
    function(
        "extending_and_reverting",
        f"mentorcert_private.state_before({_CERTIFICATION},jsonb)",
        "certification.expires_at is distinct from (after ->> 'expires_at')::timestamptz",
        "false",
    ),
]
_HISTORY = [
    function(
        "history_locked",
        _RECORD,
        "perform mentorcert_private.check_history_kept(old.renewal_history, new.renewal_history);",
        "",
    ),
    function("history_locked", _RECORD, "entry ->> 'kind' is distinct from 'imported'", "false"),
    function("history_locked", _RECORD, "(entry ->> 'recorded_at')::timestamptz is null", "false"),
    function("refused_changes", _RECORD, "not mentorcert_private.takes_back(old, new, reverted)", "false"),
    function(
        "refused_changes",
        _DATE_RULE,
        "coalesce(expires_at, as_of) > '9999-01-01'",
        "false",
    ),
    function("refused_changes", "mentorcert_private.is_past_day(text)", "<= current_date + 1", "is not null"),
    function(
        "history_locked",
        "mentorcert_private.reject_change_of_event()",
        "new.entry = mentorcert_private.upgrade_history_entry(old.entry)",
        "true",
    ),
    function(
        "history_locked",
        "mentorcert_private.check_history_kept(jsonb,jsonb)",
        "mentorcert_private.history_is_in_events() and",
        "",
    ),
    function("history_kinds", _RECORD, "not by_user and change", "change"),
    function("history_kinds", _RECORD, "when by_user then now()", "when false then now()"),
    function("history_kinds", _RECORD, "when 'extended' then least(as_of, old.expires_at)", ""),
    function("history_kinds", _RECORD, "when 'corrected' then least(old.issued_at, new.issued_at)", ""),
    function(
        "history_kinds",
        _RECORD,
        "new.status := mentorcert_private.status_at",
        "kind := mentorcert_private.status_at",
    ),
    function(
        "history_kinds",
        "mentorcert_private.check_note_and_evidence(jsonb)",
        "length(change ->> 'note') > 2000",
        "false",
    ),
    function(
        "refused_changes",
        "mentorcert_private.check_note_and_evidence(jsonb)",
        r''' || @ like_regex "^\\s*$"''',
        "",
    ),
    function("history_as_events", "mentorcert_private.check_events(uuid[])", "differing > 0", "false"),
    function("history_as_events", "mentorcert_private.cached_history(jsonb)", "<= 50", "<= 5000"),
    function(
        "as_of",
        _AS_OF,
        "(known_at is null or (entries.entry ->> 'recorded_at')::timestamptz <= known_at)",
        "true",
    ),
    function("as_of", _AS_OF, "(entries.entry ->> 'effective_at')::timestamptz <= at", "true"),
    function("as_of", _AS_OF, "at < coalesce", "at <= coalesce"),
    function(
        "calendar", _AS_OF, "select mentorcert_private.require_instants(", "select pg_catalog.to_jsonb("
    ),
    *(
        function(
            "calendar",
            signature,
            "perform mentorcert_private.require_instants(",
            "perform pg_catalog.to_jsonb(",
        )
        for signature in (
            "public.register_certification(uuid,text,date,date,text,jsonb)",
            "public.renew_certification(uuid,date,date,text,jsonb)",
            "public.preview_changes(text,uuid[],date)",
            "mentorcert_private.check_extension(text,date,date)",
            _PAGE,
            "mentorcert_private.searched_certifications(text,text,text,uuid,date,date,boolean,text,boolean,text,timestamptz,uuid,integer,boolean)",
            "mentorcert_private.check_notices_as_of(timestamptz,integer)",
            _RECORD,
        )
    ),
    function("calendar", "mentorcert_private.require_instants(jsonb)", "or given.value like '% BC'", ""),
    Mutation("calendar", "alter table mentorcert.memberships drop constraint memberships_ended_at_valid"),
    Mutation(
        "calendar",
        "alter table mentorcert.peer_mentor_chapters drop constraint peer_mentor_chapters_ended_at_valid",
    ),
    Mutation(
        "calendar", "alter table mentorcert_private.job_runs drop constraint job_runs_as_of_in_calendar"
    ),
    function(
        "future_ends",
        "mentorcert_private.left_peer_mentor_ids()",
        "link.ended_at <= statement_timestamp()",
        "false",
    ),
    function(
        "future_ends",
        "mentorcert_private.left_peer_mentor_ids()",
        "link.chapter_id = any(coordinated)",
        "false",
    ),
    function(
        "future_ends",
        "mentorcert_private.current_chapter_ids(uuid)",
        "link.ended_at > statement_timestamp()",
        "true",
    ),
    function(
        "future_ends",
        "public.get_user_organisation_id()",
        "or membership.ended_at > statement_timestamp()",
        "",
    ),
    function(
        "future_ends",
        "mentorcert_private.coordinated_chapter_ids()",
        "or membership.ended_at > statement_timestamp()",
        "",
    ),
    function(
        "future_ends", "mentorcert_private.coordinated_peer_mentor_ids()", "mentor.id <> all(gone)", "true"
    ),
    function(
        "future_ends",
        "mentorcert_private.keep_an_administrator()",
        ">= coalesce(old.ended_at",
        "<= coalesce(old.ended_at",
    ),
    function(
        "future_ends",
        "mentorcert_private.refresh_ended_chapters()",
        "ended.ended_at <= now()",
        "false",
    ),
    function(
        "future_ends",
        "mentorcert_private.run_nightly(timestamptz,integer)",
        "perform mentorcert_private.refresh_ended_chapters();",
        "",
    ),
    function(
        "future_ends",
        _LISTING,
        "where link.peer_mentor_id = mentor.id and link.ended_at > statement_timestamp()",
        "where false",
    ),
    function(
        "future_ends",
        "mentorcert_private.refresh_listing_of_links()",
        "where changed.ended_at > statement_timestamp()",
        "where false",
    ),
    Mutation("future_ends", "drop trigger reject_second_current on mentorcert.memberships"),
    Mutation("future_ends", "drop trigger reject_second_current on mentorcert.peer_mentor_chapters"),
    *(
        function("history_appended", "mentorcert_private.record_expiry()", guard, instead)
        for guard, instead in {
            "old.status = 'active' and": "",
            "and new.status = 'expired'": "",
            "and new.expires_at <= now()": "",
            ") is not true then": ") is false then",
            "(new.expires_at, new.issued_at": "(old.expires_at, new.issued_at",
            "new.issued_at, new.certification_type)": "old.issued_at, new.certification_type)",
            "new.certification_type)": "old.certification_type)",
            ":= old.renewal_history ||": ":= new.renewal_history ||",
        }.items()
    ),
    *(
        _trigger(
            "has_table_privilege(('mentorcert_private.callers'::regclass)::oid, 'insert'::text)",
            "of who owns the tables",
            trigger=trigger,
        )
        for trigger in ("record_expiry_on_update", "record_change_on_update")
    ),
    Mutation("history_appended", f"drop trigger record_expiry_on_update on {_CERTIFICATION}"),
    _trigger("(old.certification_type = new.certification_type)", "same type", "taking_back"),
    _trigger("(old.issued_at = new.issued_at)", "same beginning", "taking_back"),
    _trigger(
        "((new.renewal_history - '-1'::integer) = old.renewal_history)", "one entry more", "taking_back"
    ),
    *(
        function("prolonging", _PROLONG, guard, instead)
        for guard, instead in {
            "perform mentorcert_private.check_endpoint('certifications');": "",
            " or context.change ? 'kind'": "",
            " or not context.has_valid_remarks": "",
            "mentorcert_private.violated_date_rule(outcome.issued_at, outcome.expires_at, time_zone, now()) is not null": "false",
            "certification.organisation_id = organisation": "true",
            "and certification.peer_mentor_id <> all(absent)": "",
            "and type.retired_on is null": "",
            "and type.early_renewal_days is null": "",
            "and type.refresher_months is null": "",
            "and certification.status <> 'suspended'": "",
            "and outcome.expires_at >= certification.expires_at": "",
            "and jsonb_array_length(certification.renewal_history) < 50": "",
        }.items()
    ),
    function("prolonging", _PROLONGATION, "after_expires_at < before_expires_at", "false"),
    *(
        function("prolonging", "mentorcert_private.record_prolongation()", guard, instead)
        for guard, instead in {
            "added ? 'entry_id' and": "added is not null and",
            "and old.certification_type = new.certification_type": "",
            ") is not true then": ") is false then",
            ":= old.renewal_history || (added": ":= '[]'::jsonb || (added",
        }.items()
    ),
    _trigger(
        "has_table_privilege(('mentorcert_private.callers'::regclass)::oid, 'insert'::text)",
        "what others say of a prolongation",
        "prolonging",
    ),
    Mutation("prolonging", f"drop trigger record_prolongation_on_update on {_CERTIFICATION}"),
    _trigger(
        "((((new.renewal_history #>> '{-1,entry_id}'::text[]))::uuid)::text = (new.renewal_history #>> '{-1,entry_id}'::text[]))",
        "an id, as ids are written",
        "taking_back",
    ),
    _trigger(
        "(((new.renewal_history #>> '{-1,recorded_at}'::text[]))::timestamp with time zone <= clock_timestamp())",
        "not ahead of the clock",
        "taking_back",
    ),
    _trigger(
        "(new.status = COALESCE((new.renewal_history #>> '{-1,after,status}'::text[]), old.status))",
        "taken back with the status that it says",
        "taking_back",
    ),
    *(
        function("taking_back", _TAKE_BACK, guard, instead)
        for guard, instead in {
            "perform mentorcert_private.check_endpoint('certifications');": "",
            "context.change ->> 'kind' is distinct from 'reverted'": "false",
            "or coalesce(context.change ->> 'note', '') = ''": "",
            " or not context.has_valid_remarks": "",
            "held.organisation_id = organisation": "true",
            "and held.peer_mentor_id <> all(absent)": "",
            "and jsonb_array_length(held.renewal_history) < 50": "",
            "mentorcert_private.violated_date_rule(outcome.issued_at, outcome.expires_at, time_zone, now()) is not null": "false",
        }.items()
    ),
    *(
        function("taking_back", _REVERSAL, guard, instead)
        for guard, instead in {
            "held_status = 'suspended' or": "",
            "(extended #>> '{after,expires_at}')::timestamptz = held_expires_at is not true": "false",
        }.items()
    ),
    *(
        function("import_entries", _REGISTER, guard, instead)
        for guard, instead in {
            "context.change ->> 'kind' is distinct from 'imported'": "false",
            "or context.change ? 'as_of'": "",
            "or not context.has_valid_remarks": "",
            "and mentor.organisation_id = organisation and mentor.erased_at is null": "and mentor.organisation_id = organisation",
            "and mentor.organisation_id = organisation": "",
            "and type.retired_on is null": "",
            "perform set_config('mentorcert.entry', '', true);": "",
        }.items()
    ),
    *(
        _trigger(guard, name, "import_entries", "record_change_on_insert")
        for guard, name in {
            "(new.status = 'active'::text)": "active",
            "has_table_privilege(('mentorcert_private.callers'::regclass)::oid, 'insert'::text)": "by who owns the tables",
            "((new.renewal_history #>> '{0,kind}'::text[]) = 'imported'::text)": "imported",
            "((((new.renewal_history #>> '{0,entry_id}'::text[]))::uuid)::text = "
            "(new.renewal_history #>> '{0,entry_id}'::text[]))": "an id",
        }.items()
    ),
]
_LISTS = [
    function("public_list", _LISTING, "mentor.listing_consent\n", "true\n", "derived_listing: consent"),
    function("public_list", _LISTING, "certification.status = 'active'", "true"),
    function("public_list", _LISTING, "certification.expires_at > now()", "true"),
    function("public_list", _LISTING, "and held.required > 0", ""),
    function("public_list", _LISTING, "and held.required = held.held", ""),
    function("public_list", _LISTING, "min(certification.expires_at)", "max(certification.expires_at)"),
    function(
        "public_list",
        "mentorcert_private.refresh_listing_of_certifications()",
        "listed.peer_mentor_id is not null or",
        "listed.peer_mentor_id is null and",
    ),
    function("certifications_page", _PAGE, "page_size is null or page_size not between 1 and 1000", "false"),
    function(
        "certifications_page", _PAGE, "status not in ('active', 'expired', 'outdated', 'suspended')", "false"
    ),
    function(
        "certifications_page",
        _PAGE,
        "expires_at, certification.id\n",
        "expires_at\n",
        "certifications_page: ties",
    ),
    function("certifications_page", _PAGE, "status = 'active' and from_expires_at < now()", "false"),
    function("certifications_page", _PAGE, "organisation is null", "false"),
    function("certifications_page", _PAGE, "certification.id > from_unlimited_id", "true"),
]
_CATALOGUE = [
    Mutation("catalogue_tables", f"grant update (renewal_history) on {_CERTIFICATION} to authenticated"),
    Mutation("catalogue_tables", f"grant update (renewal_history) on {_CERTIFICATION} to service_role"),
    Mutation("catalogue_tables", f"grant insert (id) on {_CERTIFICATION} to authenticated"),
    Mutation("catalogue_tables", f"grant delete on {_CERTIFICATION} to service_role"),
    Mutation("catalogue_tables", "grant truncate on mentorcert.chapters to authenticated"),
    Mutation(
        "catalogue_tables", "grant update (organisation_id) on mentorcert.peer_mentors to authenticated"
    ),
    Mutation("catalogue_tables", "grant select on mentorcert.peer_mentors to anon"),
    Mutation("catalogue_tables", "grant select (full_name) on mentorcert.peer_mentors to public"),
    Mutation("catalogue_tables", "grant select on mentorcert_private.history_storage to authenticated"),
    Mutation("catalogue_tables", "create view public.everybody as select * from mentorcert.peer_mentors"),
    Mutation("catalogue_tables", "create table mentorcert_private.unprotected (id integer)"),
    Mutation("catalogue_tables", f"comment on column {_CERTIFICATION}.status is null"),
    Mutation("catalogue_tables", "comment on table mentorcert.chapters is null"),
    Mutation(
        "catalogue_tables",
        'alter policy "members read their organisation" on mentorcert.organisations to public',
    ),
    Mutation(
        "catalogue_tables",
        'comment on policy "members read their organisation" on mentorcert.organisations is null',
    ),
    Mutation(
        "catalogue_tables", "create policy everything on mentorcert.chapters to authenticated using (true)"
    ),
    Mutation("catalogue_tables", f"create index on {_CERTIFICATION} (expires_at)"),
    Mutation(
        "catalogue_tables",
        'alter policy "members read their organisation" on mentorcert.organisations '
        "using (id = public.get_user_organisation_id())",
    ),
    Mutation(
        "catalogue_functions",
        "grant execute on function mentorcert_private.refresh_listing(uuid[]) to authenticated",
    ),
    Mutation("catalogue_functions", "grant execute on function public.certifications_page to anon"),
    Mutation("catalogue_functions", "grant execute on function public.certification_history to public"),
    Mutation(
        "catalogue_functions", "revoke execute on function public.suspend_certification from authenticated"
    ),
    Mutation("catalogue_functions", "alter function public.suspend_certification security definer"),
    Mutation("catalogue_functions", "alter function mentorcert_private.may_certify security definer"),
    Mutation(
        "catalogue_functions", "alter function mentorcert_private.own_peer_mentor_ids reset search_path"
    ),
    Mutation("catalogue_functions", "comment on function public.suspend_certification is null"),
    Mutation("catalogue_functions", "grant usage on schema mentorcert_private to anon"),
    # A function that somebody adds and forgets to close, in a schema whose defaults are not ours to change.
    Mutation(
        "catalogue_functions",
        "create function public.forgotten() returns integer language sql set search_path = '' return 1;"
        " comment on function public.forgotten() is 'Open.'",
    ),
    Mutation(
        "constraints",
        "drop index mentorcert.memberships_current_key;"
        " alter table mentorcert.memberships disable trigger reject_second_current",
    ),
    Mutation("constraints", "drop index mentorcert.peer_mentors_user_id_key"),
    Mutation(
        "constraints",
        "drop index mentorcert.peer_mentor_chapters_current_key;"
        " alter table mentorcert.peer_mentor_chapters disable trigger reject_second_current",
    ),
]
_VERSIONS = [
    function(
        "versions", "mentorcert_private.check_version()", "new.version is distinct from old.version", "false"
    ),
    function(
        "versions",
        "mentorcert_private.check_version()",
        "is distinct from",
        "<>",
        "check_version: null is a version",
    ),
    function("versions", "mentorcert_private.set_version()", "old.version + 1", "old.version"),
    function("updated_at", "mentorcert_private.set_version()", "new.updated_at := now();", ""),
    function(
        "versions",
        "mentorcert_private.audited_fields(jsonb,text[])",
        "'updated_at', 'version'",
        "'updated_at'",
    ),
    Mutation("catalogue_tables", "revoke update (version) on mentorcert.peer_mentors from authenticated"),
    Mutation("versions", "alter table mentorcert.chapters alter version set default 2"),
]
MUTATIONS = [*_VERSIONS, *_LAST_DAY, *_REACH, *_CHANGES, *_HISTORY, *_LISTS, *_CATALOGUE]
