\ir fixture.psql
-- Every change of a certification appends exactly one entry, by whatever path it comes.

-- What a statement does to one history, undone: how many entries come in at the end of what stays as it was, the kind
-- of the last and whose it is; or the error.
create function tests.appended(who text, statement text, certification text default 'mia.basic') returns text
language plpgsql
as $$
declare
  before constant jsonb := tests.history(certification);
  after jsonb;
  answer text;
begin
  begin
    answer := tests.perform(who, statement);
    after := tests.history(certification);
    answer := case when answer ~ '^[0-9A-Z]{5}( |$)' then answer else concat_ws(
      ' ',
      '+' || jsonb_array_length(after) - jsonb_array_length(before),
      after #>> '{-1,kind}',
      coalesce(after #>> '{-1,actor,role}', after #>> '{-1,actor,job}'),
      case when before <> jsonb_path_query_array(after, '$[0 to $n]', jsonb_build_object('n', jsonb_array_length(before) - 1))
        then 'and changed the rest'
      end
    ) end;
    raise exception sqlstate 'TESTS';
  exception when sqlstate 'TESTS' then
    return answer;
  end;
end
$$;

-- By the API functions.
select is(tests.appended(who, statement, certification), expected, format('%s by %s', expected, who))
from (
  values
    ('cora', $$ select public.renew_certification(tests.id('mia.basic')) $$, 'mia.basic', '+1 renewed coordinator'),
    ('adam', $$ select public.renew_certification(tests.id('mia.basic')) $$, 'mia.basic', '+1 renewed org_admin'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$, 'mia.basic', '+1 suspended coordinator'),
    ('service_role', $$ select public.suspend_certification(tests.id('mia.basic'), 'why') $$, 'mia.basic', '+1 suspended service_role'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(1000), 'why') $$, 'mia.basic', '+1 extended org_admin'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(1000), 'why') $$, 'mixa.basic', '+1 extended org_admin'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(1000), 'why') $$, 'lone.basic', '+0 issued ' || session_user)
) as calls (who, statement, certification, expected);
select is(
  tests.perform('cora', $$ select status from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'suspended', 'suspended'
);
select is(
  tests.appended('cora', $$ select public.reinstate_certification(tests.id('mia.basic')) $$), '+1 reinstated coordinator', 'by reinstate_certification'
);
select is(
  tests.appended('cora', $$
    select public.revert_change(tests.id('mia.basic'), (tests.newest('mia.basic') ->> 'entry_id')::uuid, 'why')
  $$),
  '+1 reverted coordinator', 'by revert_change of an entry'
);
select is(
  tests.perform('adam', $$ select public.extend_certifications('basic', tests.today(1000), 'why') is not null $$), 'true', 'extended'
);
select is(
  tests.appended('adam', $$ select public.revert_change((tests.newest('mixa.basic') ->> 'batch_id')::uuid, 'why') $$, 'mixa.basic'),
  '+1 reverted org_admin', 'by revert_change of a batch'
);
select is(
  tests.attempt('cora', $$ select jsonb_array_length(renewal_history) from public.register_certification(tests.id('mia'), 'life') $$),
  '1', 'by register_certification'
);

-- By a direct UPDATE, as the Data API makes it.
update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('cait.basic');
select is(tests.appended(who, statement, certification), expected, format('%s by %s: %s', expected, who, statement))
from (
  values
    ('cora', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.short') $$, 'mia.short', 'MC004 certification_reason_required'),
    ('paula', $$ update public.peer_mentor_certifications set status = 'active' where id = tests.id('cait.basic') $$, 'cait.basic', '+1 reinstated coordinator'),
    ('cora', $$ update public.peer_mentor_certifications set issued_at = tests.day(), expires_at = tests.day(20) where id = tests.id('mia.short') $$, 'mia.short', '+1 renewed coordinator'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(99) where id = tests.id('mia.short') $$, 'mia.short', '+1 extended org_admin'),
    ('adam', $$ update public.peer_mentor_certifications set expires_at = tests.day(5) where id = tests.id('mia.short') $$, 'mia.short', '+1 corrected org_admin'),
    ('adam', $$ update public.peer_mentor_certifications set certification_type = 'yearly' where id = tests.id('mia.short') $$, 'mia.short', '+1 corrected org_admin'),
    ('service_role', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.short') $$, 'mia.short', '+1 suspended service_role'),
    ('service_role', $$ update public.peer_mentor_certifications set expires_at = tests.day(99) where id = tests.id('mia.short') $$, 'mia.short', '+1 extended service_role'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.short') $$, 'mia.short', '+1 suspended ' || session_user),
    ('owner', $$ update public.peer_mentor_certifications set status = 'suspended' where status = 'active' $$, 'mia.short', '+1 suspended ' || session_user),
    -- more than one thing at a time
    ('owner', $$ update public.peer_mentor_certifications set certification_type = 'yearly', issued_at = tests.day(-3), expires_at = null where id = tests.id('mia.short') $$, 'mia.short', '+1 corrected ' || session_user),
    -- nothing
    ('adam', $$ update public.peer_mentor_certifications set expires_at = expires_at, status = status where id = tests.id('mia.short') $$, 'mia.short', '+0 issued ' || session_user),
    ('adam', $$ update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = tests.id('mia') $$, 'mia.short', '+0 issued ' || session_user)
) as updates (who, statement, certification, expected);

-- By an INSERT.
select is(
  tests.attempt(who, $$
    insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at)
    values (tests.id('mia'), 'life', tests.day(-1)) returning jsonb_array_length(renewal_history)
  $$),
  '1', who || ' inserts'
)
from unnest(array['cora', 'adam']) as who;
select is(
  tests.attempt(who, $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at)
    select tests.id('alfa'), tests.id(mentor), 'life', tests.day(-1) from unnest(array['mia', 'lone', 'lost']) as mentor
    returning jsonb_array_length(renewal_history)
  $$),
  '1,1,1', who || ' inserts many'
)
from unnest(array['service_role', 'owner']) as who;
select is(
  tests.appended('owner', $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at)
    values (tests.id('alfa'), tests.id('mia'), 'short', tests.day(), tests.day(20))
    on conflict on constraint peer_mentor_certifications_one_of_a_type
    do update set issued_at = excluded.issued_at, expires_at = excluded.expires_at
  $$, 'mia.short'),
  '+1 renewed ' || session_user, 'an upsert appends once'
);
select is(
  tests.appended('owner', $$
    merge into public.peer_mentor_certifications as certification
    using (values ('mia', 'short'), ('per', 'life')) as given (mentor, type)
    on certification.peer_mentor_id = tests.id(given.mentor) and certification.certification_type = given.type
    when matched and given.type = 'short' then update set expires_at = tests.day(99)
    when matched then do nothing
  $$, 'mia.short'),
  '+1 extended ' || session_user, 'a merge appends once'
);
select is(
  tests.attempt('owner', $$
    insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, renewal_history)
    select organisation_id, peer_mentor_id, 'life', issued_at, jsonb_build_array(renewal_history -> 0 || '{"kind": "imported"}')
    from public.peer_mentor_certifications where id = tests.id('mia.short')
    returning (select string_agg(entry ->> 'kind', '+') from jsonb_array_elements(renewal_history) as entry)
  $$),
  'imported+issued', 'an import brings past renewals, and the trigger appends to them'
);

-- By the nightly run, of few entries and of many; and by what does as the nightly run does.
select is(
  tests.appended('owner', $$ select mentorcert_private.expire_due_certifications(tests.day(15)) $$, 'mia.short'), '+1 expired nightly', 'the nightly run'
);
select is(
  tests.appended('owner', $$ select mentorcert_private.expire_due_certifications(now()) $$, 'mia.short'), '+0 issued ' || session_user,
  'before its time nothing expires'
);
set local session_replication_role = replica;
update public.peer_mentor_certifications
set renewal_history = (
  select jsonb_agg(tests.newest('mia.short') || jsonb_build_object('entry_id', gen_random_uuid())) from generate_series(1, 60)
)
where id = tests.id('mia.short');
set local session_replication_role = origin;
select is(
  tests.appended('owner', $$ select mentorcert_private.expire_due_certifications(tests.day(15)) $$, 'mia.short'), '+1 expired nightly',
  'the nightly run, on a long history'
);

update public.peer_mentor_certifications set expires_at = tests.day(-1) where id = tests.id('old.basic');
set local session_replication_role = replica;
update public.peer_mentor_certifications set status = 'active' where id = tests.id('old.basic'); -- a night was missed
set local session_replication_role = origin;
create function tests.expiring(entries text, also text default '') returns text
language sql
as $$
  select tests.appended('owner', format(
    'update public.peer_mentor_certifications set status = ''expired'', renewal_history = %s %s where id = tests.id(''old.basic'')',
    entries, also
  ), 'old.basic')
$$;
create function tests.nightly_entry(but jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object(
    'schema_version', 1, 'kind', 'expired', 'actor', jsonb_build_object('job', 'nightly'),
    'before', jsonb_build_object('status', 'active'), 'after', jsonb_build_object('status', 'expired'),
    'entry_id', gen_random_uuid(), 'recorded_at', clock_timestamp(), 'effective_at', tests.day(-1)
  ) || but
$$;
select is(
  tests.expiring(entries, also), 'MC005 certification_history_append_only', 'nobody brings an entry of the night along: ' || entries || also
)
from (
  values
    ($$ renewal_history || tests.nightly_entry() $$, ''),
    ($$ renewal_history || tests.nightly_entry() || tests.nightly_entry() $$, ''),
    ($$ renewal_history || tests.nightly_entry('{"kind": "renewed"}') $$, ''),
    ($$ tests.nightly_entry() || renewal_history $$, ''),
    ($$ jsonb_build_array(tests.nightly_entry()) $$, ''),
    ($$ jsonb_set(renewal_history, '{0,note}', '"forged"') || tests.nightly_entry() $$, ''),
    ($$ renewal_history || tests.nightly_entry() $$, $$, issued_at = tests.day(-900) $$)
) as forged (entries, also);
select is(
  tests.appended('owner', $$
    update public.peer_mentor_certifications set renewal_history = renewal_history || tests.nightly_entry() where id = tests.id('old.basic')
  $$, 'old.basic'),
  'MC005 certification_history_append_only', 'nor is it said of what stays active'
);

update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('lone.basic');
-- Under the setting of the nightly run: its entry, whatever the statement says of the history, or nothing.
select is(current_setting('mentorcert.expiry', true), '', 'the nightly run leaves no setting');
select set_config('mentorcert.expiry', '\x00', true);
select is(tests.expiring(entries), '+1 expired nightly', 'just its entry: ' || entries)
from unnest(array[
  'renewal_history', $$ '[]' $$, $$ renewal_history || '{"kind": "forged"}' $$, 'renewal_history || tests.nightly_entry()'
]) as entries;
select is(
  tests.attempt('owner', $$
    update public.peer_mentor_certifications set status = 'expired' where id = tests.id('old.basic')
    returning (renewal_history -> -1) - array['entry_id', 'recorded_at'] = tests.nightly_entry() - array['entry_id', 'recorded_at']
      and (renewal_history #>> '{-1,entry_id}')::uuid is not null
      and renewal_history #> '{-1,recorded_at}' = to_jsonb((renewal_history #>> '{-1,recorded_at}')::timestamptz)
      and (renewal_history #>> '{-1,recorded_at}')::timestamptz between now() and clock_timestamp()
  $$),
  'true', 'each key of it'
);
select is(
  tests.appended('owner', format('update public.peer_mentor_certifications set %s where id = tests.id(%L)', change, certification), certification),
  'MC005 certification_history_append_only', format('refused: %s of %s', change, certification)
)
from (
  values
    ($$ status = 'expired' $$, 'lost.basic'), -- valid for 200 days more
    ($$ status = 'expired' $$, 'lone.basic'), -- suspended
    ($$ status = 'suspended' $$, 'old.basic'),
    ($$ status = 'expired', expires_at = tests.day(-2) $$, 'old.basic'),
    ($$ status = 'expired', expires_at = null $$, 'old.basic'),
    ($$ status = 'expired', issued_at = tests.day(-900) $$, 'old.basic'),
    ($$ status = 'expired', certification_type = 'short' $$, 'old.basic'),
    ($$ expires_at = tests.day(99) $$, 'mia.short'),
    ($$ updated_at = now() $$, 'old.basic'),
    ($$ renewal_history = renewal_history || tests.nightly_entry() $$, 'old.basic')
) as refused (change, certification);
-- Of whom else it is no setting.
select is(
  tests.appended(who, $$ update public.peer_mentor_certifications set expires_at = tests.day(99) where id = tests.id('mia.short') $$, 'mia.short'),
  expected, who || ' changes under it what they change otherwise'
)
from (values ('adam', '+1 extended org_admin'), ('service_role', '+1 extended service_role')) as callers (who, expected);
select is(
  tests.attempt('adam', $$ select public.extend_certifications('basic', tests.today(1200), 'no courses') is not null $$),
  'MC005 certification_history_append_only', 'nor is a change of many made under it, which is the owner''s to write'
);
select set_config('mentorcert.expiry', '', true);

select * from finish();
rollback;
