\ir fixture.psql
-- Changes that the rules refuse, each with its SQLSTATE and constraint name.

update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mixa.basic');

select is(tests.attempt(who, statement), expected, format('%s: %s by %s', expected, regexp_replace(statement, '\s+', ' ', 'g'), who))
from (
  values
    -- transitions
    ('cora', $$ update public.peer_mentor_certifications set status = 'expired' where id = tests.id('mia.basic') $$, 'MC001 certification_transition'),
    ('adam', $$ update public.peer_mentor_certifications set status = 'expired' where id = tests.id('mia.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'expired' where id = tests.id('mia.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'expired' where id = tests.id('per.life') $$, 'MC001 certification_transition'),
    ('sev', $$ update public.peer_mentor_certifications set status = 'active' where id = tests.id('lone.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'suspended', expires_at = tests.day(40) where id = tests.id('mia.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'suspended', certification_type = 'life' where id = tests.id('mia.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'active', expires_at = tests.day(90) where id = tests.id('mixa.basic') $$, 'MC001 certification_transition'),
    ('owner', $$ update public.peer_mentor_certifications set status = 'expired', expires_at = tests.day(40) where id = tests.id('mia.basic') $$, '1 rows'), -- active by its dates
    ('sev', $$ select public.suspend_certification(tests.id('mixa.basic'), 'why') $$, 'MC001 certification_transition'),
    ('cora', $$ select public.reinstate_certification(tests.id('mia.basic')) $$, 'MC001 certification_transition'),
    ('sev', $$ select public.reinstate_certification(tests.id('lone.basic')) $$, 'MC001 certification_transition'),
    (
      'owner',
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, status)
        values (tests.id('alfa'), tests.id('mia'), 'life', tests.day(-1), 'suspended')
      $$,
      'MC001 certification_transition'
    ),
    (
      'owner',
      $$
        insert into public.peer_mentor_certifications (organisation_id, peer_mentor_id, certification_type, issued_at, expires_at, status)
        values (tests.id('alfa'), tests.id('mia'), 'yearly', tests.day(-1), tests.day(1), 'expired')
      $$,
      'MC001 certification_transition'
    ),
    -- types
    ('cora', $$ select public.register_certification(tests.id('mia'), 'no-such-type') $$, 'MC002 certification_type_known'),
    ('cora', $$ select public.register_certification(tests.id('mia'), 'beta-only') $$, 'MC002 certification_type_known'),
    ('adam', $$ select public.extend_certifications('beta-only', tests.today(90), 'why') $$, 'MC002 certification_type_known'),
    ('adam', $$ update public.peer_mentor_certifications set certification_type = 'beta-only' where id = tests.id('mia.basic') $$, 'MC002 certification_type_known'),
    -- dates
    ('cora', $$ select public.register_certification(tests.id('mia'), 'life', tests.today(1)) $$, 'MC003 certification_issued_at_not_future'),
    ('cora', $$ select public.register_certification(tests.id('mia'), 'yearly', tests.today(-1), tests.today(-2)) $$, 'MC003 certification_date_order'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), tests.today(-100)) $$, 'MC003 certification_renewal_after_issue'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), tests.today(1)) $$, 'MC003 certification_issued_at_not_future'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), tests.today(), tests.today(28)) $$, 'MC003 certification_renewal_keeps_validity'),
    ('adam', $$ select public.renew_certification(tests.id('mia.basic'), tests.today(), tests.today(-1)) $$, 'MC003 certification_renewal_keeps_validity'),
    ('owner', $$ update public.peer_mentor_certifications set expires_at = issued_at where id = tests.id('mia.basic') $$, 'MC003 certification_date_order'),
    ('owner', $$ update public.peer_mentor_certifications set expires_at = expires_at + interval '1 second' where id = tests.id('mia.basic') $$, 'MC003 certification_expires_at_midnight'),
    ('owner', $$ update public.peer_mentor_certifications set issued_at = issued_at + interval '12 hours' where id = tests.id('mia.basic') $$, 'MC003 certification_issued_at_midnight'),
    ('owner', $$ update public.peer_mentor_certifications set issued_at = tests.day(1), expires_at = tests.day(40) where id = tests.id('mia.basic') $$, 'MC003 certification_issued_at_not_future'),
    ('owner', $$ update public.peer_mentor_certifications set expires_at = 'infinity' where id = tests.id('mia.basic') $$, 'MC003 certification_date_range'),
    ('owner', $$ update public.peer_mentor_certifications set expires_at = '20000-01-01' where id = tests.id('mia.basic') $$, 'MC003 certification_date_range'),
    ('owner', $$ update public.peer_mentor_certifications set issued_at = '-infinity' where id = tests.id('mia.basic') $$, 'MC003 certification_date_range'),
    ('adam', $$ select public.extend_certifications('basic', 'infinity', 'why') $$, 'MC003 certification_date_range'),
    -- reasons
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), E'\n\t') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), E'\u00a0\u200b') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), ' ') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.suspend_certification(tests.id('mia.basic'), null) $$, 'MC004 certification_reason_required'),
    ('cora', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic') $$, 'MC004 certification_reason_required'),
    ('adam', $$ update public.peer_mentor_certifications set status = 'suspended' where id = tests.id('mia.basic') $$, 'MC004 certification_reason_required'),
    ('adam', $$ select public.extend_certifications('basic', tests.today(90), '') $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.revert_change(tests.id('mia.basic'), tests.id('any'), '') $$, 'MC004 certification_reason_required'),
    ('adam', $$ select public.revert_change(tests.id('any'), '') $$, 'MC004 certification_reason_required'),
    -- what can't be taken back
    ('cora', $$ select public.revert_change(tests.id('mia.basic'), tests.id('any'), 'why') $$, 'MC006 certification_change_revertible'),
    ('adam', $$ select public.revert_change(tests.id('mia.basic'), (tests.newest('mia.basic') ->> 'entry_id')::uuid, 'why') $$, 'MC006 certification_change_revertible'),
    ('adam', $$ select public.revert_change(tests.id('any'), 'why') $$, 'MC006 certification_change_revertible'),
    -- a revert in name only: no client can announce, but somebody at a database session can
    (
      'cora',
      $$
        do $do$
        begin
          perform mentorcert_private.set_change_context(jsonb_build_object('kind', 'reverted', 'reverts', tests.newest('mia.basic') ->> 'entry_id'));
          update public.peer_mentor_certifications set expires_at = tests.day(9000) where id = tests.id('mia.basic');
        end
        $do$
      $$,
      'MC006 certification_change_revertible'
    ),
    -- notes and evidence
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), note => repeat('x', 2001)) $$, 'MC008 certification_note_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '"a diploma"') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "a diploma"}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "", "seen_on": "2026-01-31"}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": 7, "seen_on": "2026-01-31"}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "it", "seen_on": "2026-01-31", "seen_by": ""}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "it", "seen_on": "2026-02-31"}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "it", "seen_on": "9999-01-01"}') $$, 'MC008 certification_evidence_valid'),
    ('cora', $$ select public.renew_certification(tests.id('mia.basic'), evidence => '{"seen": "it", "seen_on": "2026-01-31", "file": "JVBERi0"}') $$, 'MC008 certification_evidence_valid'),
    -- nothing to extend
    ('adam', $$ select public.extend_certifications('basic', tests.today(-1), 'why') $$, 'MC008 extension_not_empty'),
    ('adam', $$ select public.extend_certifications('life', tests.today(90), 'why') $$, 'MC008 extension_not_empty'),
    -- versions
    ('owner', $$ select mentorcert_private.upgrade_history_entry('{"schema_version": 99}') $$, 'MC008 history_entry_schema_version_known'),
    ('owner', $$ select mentorcert_private.upgrade_history_entry('{}') $$, 'MC008 history_entry_schema_version_known')
) as refused (who, statement, expected);

-- A change that fails half-way leaves nothing of what it announced to the next.
select is(
  tests.attempt('owner', $$ select coalesce(nullif(current_setting('mentorcert.change', true), ''), 'nothing') $$), 'nothing', 'nothing is announced'
);
select is(
  tests.perform('cora', $$ select status from public.suspend_certification(tests.id('mia.basic'), 'why') $$), 'suspended', 'a change announces itself'
);
select is(
  tests.attempt('owner', $$ select coalesce(nullif(current_setting('mentorcert.change', true), ''), 'nothing') $$), 'nothing', 'and ends that'
);

-- Errors say what to do.
create function tests.hint_of(statement text) returns text
language plpgsql
as $$
declare
  hint text;
begin
  execute statement;
  return null;
exception when others then
  get stacked diagnostics hint = pg_exception_hint;
  return hint;
end
$$;
select isnt(tests.hint_of(statement), '', 'a hint for ' || statement)
from unnest(array[
  $$ update public.peer_mentor_certifications set status = 'expired' where id = tests.id('per.life') $$,
  $$ update public.peer_mentor_certifications set certification_type = 'none' $$,
  $$ update public.peer_mentor_certifications set expires_at = '2020-01-01' $$,
  $$ update public.peer_mentor_certifications set renewal_history = '[]' $$,
  $$ update mentorcert.peer_mentors set organisation_id = gen_random_uuid() $$,
  $$ update mentorcert.chapters set parent_id = id $$
]) as statement;

select * from finish();
rollback;
