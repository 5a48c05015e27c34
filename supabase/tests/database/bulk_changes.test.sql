\ir fixture.psql
-- preview_changes and change_certifications: all or nothing, by the rules of the single changes; every path leaves entries.

create function tests.mia() returns uuid[] language sql as $$ select array[tests.id('mia.basic')] $$;
grant execute on function tests.mia() to authenticated;

select is(tests.attempt(who, statement), outcome, who || ': ' || statement)
from (
  values
    ('cora', $$ select refusal from public.preview_changes('renew', tests.mia()) $$, ''),
    ('cora', $$ select status from public.preview_changes('suspend', tests.mia()) $$, 'suspended'),
    ('cora', $$ select refusal from public.preview_changes('reinstate', tests.mia()) $$, 'certification_transition'),
    ('cora', $$ select refusal from public.preview_changes('revert', tests.mia()) $$, 'certification_change_revertible'),
    ('mia', $$ select refusal from public.preview_changes('renew', tests.mia()) $$, 'certification_right'),
    ('bea', $$ select refusal from public.preview_changes('renew', tests.mia()) $$, 'certification_right'),
    ('cora', $$ select refusal from public.preview_changes('renew', array[gen_random_uuid()]) $$, 'certification_right'),
    ('cora', $$ select refusal from public.preview_changes('renew', tests.mia(), tests.today(1)) $$, 'certification_issued_at_not_future'),
    ('cora', $$ select refusal from public.preview_changes('renew', tests.mia(), '2001-01-01') $$, 'certification_renewal_after_issue'),
    ('cora', $$ select refusal from public.preview_changes('erase', tests.mia()) $$, 'MC008 change'),
    ('cora', $$ select refusal from public.preview_changes(null, tests.mia()) $$, 'MC008 change'),
    ('cora', $$ select refusal from public.preview_changes('renew', '{}') $$, 'MC008 certification_ids'),
    ('cora', $$ select refusal from public.preview_changes('renew', null) $$, 'MC008 certification_ids'),
    ('cora', $$ select public.change_certifications('renew', '{}') $$, 'MC008 certification_ids'),
    ('cora', $$ select refusal from public.preview_changes('renew', '{null}') $$, 'MC008 certification_ids'),
    ('cora', $$ select public.change_certifications('suspend', '{null}', note => 'x') $$, 'MC008 certification_ids'),
    ('cora', $$ select public.change_certifications(null, tests.mia()) $$, 'MC008 change'),
    ('cora', $$ select public.change_certifications('renew', tests.mia()) $$, '1'),
    ('cora', $$ select public.change_certifications('renew', tests.mia() || tests.mia()) $$, '1'),
    ('cora', $$ select public.change_certifications('renew', tests.mia() || gen_random_uuid()) $$, '42501 certification_right'),
    ('cora', $$ select public.change_certifications('suspend', tests.mia(), note => 'away') $$, '1'),
    ('cora', $$ select public.change_certifications('suspend', tests.mia()) $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.change_certifications('revert', tests.mia()) $$, 'MC004 certification_reason_required'),
    ('cora', $$ select public.change_certifications('revert', tests.mia(), note => 'why') $$, 'MC006 certification_change_revertible'),
    ('cora', $$ select public.change_certifications('reinstate', tests.mia()) $$, 'MC001 certification_transition'),
    ('cora', $$ select public.change_certifications('renew', tests.mia(), tests.today(1)) $$, 'MC003 certification_issued_at_not_future'),
    ('mia', $$ select public.change_certifications('renew', tests.mia()) $$, '42501 certification_right'),
    ('bea', $$ select public.change_certifications('renew', tests.mia()) $$, '42501 certification_right'),
    ('anon', $$ select public.change_certifications('renew', null) $$, '42501')
) as asked (who, statement, outcome);

-- An extension is the administrator's, and so is taking it back.
select tests.perform('adam', $$ select public.extend_certifications('basic', tests.today(900), 'pandemic') $$);
select is(
  tests.attempt('cora', $$ select refusal from public.preview_changes('revert', tests.mia()) $$), 'certification_right',
  'a coordinator does not take back an extension'
);
select is(
  tests.attempt('adam', $$ select takes_back from public.preview_changes('revert', tests.mia()) $$), 'extended', 'the administrator does'
);
select is(tests.perform('adam', $$ select public.change_certifications('revert', tests.mia(), note => 'over') $$), '1', 'and it is done');
select is(
  tests.newest('mia.basic') ->> 'reverts', tests.history('mia.basic') #>> '{-2,entry_id}', 'the entry names what it takes back'
);

select * from finish();
rollback;
