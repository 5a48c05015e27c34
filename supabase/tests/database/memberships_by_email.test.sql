\ir fixture.psql
-- Which login has an address: for administrators, one exact address at a time, logged; and the last administrator stays.

update auth.users set email = tests.name(id) || '@example.org' where true;

-- Asks, and has the answer as if the question had been put by an earlier transaction.
create function tests.look_up(who text, address text) returns text
language plpgsql
as $$
declare
  question constant text := tests.perform(who, format('select ''asked '' || mentorcert_private.look_up_login(%L)', address));
begin
  if question !~ '^asked ' then
    return question;
  end if;
  update mentorcert_private.login_lookups set asked_in = '3' where id = split_part(question, ' ', 2)::uuid;
  return tests.perform(who, format('select coalesce(mentorcert_private.found_login(%L)::text, ''none'')', split_part(question, ' ', 2)));
end
$$;

select tests.everybody_gets(
  $$ select 'asked' where mentorcert_private.look_up_login('nora@example.org') is not null $$, 'administrators ask for a login by its address',
  'adam bea: asked', 'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: 42501 certification_right',
  'anon service_role: 42501'
);
select is(tests.look_up('adam', sought), answer, sought)
from (values ('Nora@Example.org ', 'nora'), ('nora@example', 'none'), ('%@example.org', 'none'), ('', 'none')) as questions (sought, answer);
select is(
  (select count(*) from mentorcert_private.access_log where endpoint = 'find_login' and user_id = tests.id('adam')), 4::bigint,
  'each question is logged, also without a result'
);
insert into mentorcert_private.access_log (user_id, organisation_ids, endpoint, row_organisation_ids, request_id, recorded_at)
select tests.id('adam'), '{}', 'find_login', '{}', 'x', now() - age
from (values (interval '2 hours', 20), ('1 minute', 55)) as earlier (age, number), generate_series(1, earlier.number);
select is(tests.perform('adam', $$ select 'asked' where mentorcert_private.look_up_login('nora@example.org') is not null $$), 'asked', 'the sixtieth within an hour');
select is(tests.attempt('adam', $$ select mentorcert_private.look_up_login('nora@example.org') $$), 'MC012 login_lookups', 'and no more');
select is(tests.look_up('bea', 'nora@example.org'), 'nora', 'others go on');
update auth.users set deleted_at = now() where id = tests.id('nora');
select is(tests.look_up('bea', 'nora@example.org'), 'none', 'a deleted login is none');

select tests.everybody_gets(
  $$ select user_id from mentorcert_private.member_logins() $$, 'administrators read the addresses of their members, who are that now',
  'adam: adam,cora,dora,mia,mixa,paula,per,sev', 'bea: bea,bob,dora',
  'bob cora dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(
  tests.perform('bea', 'select email from mentorcert_private.member_logins() where email like ''d%'''), 'dora@example.org', 'with the address'
);

-- The last administrator
create function tests.ending(memberships text[]) returns text
language sql
as $$
  select format(
    'update mentorcert.memberships set ended_at = now() where id = any(%L)',
    array(select tests.id('m.' || membership) from unnest(memberships) as membership)
  )
$$;
select is(tests.attempt('adam', tests.ending('{adam}')), 'MC011 memberships_last_administrator', 'the last administrator stays');
select is(tests.attempt('service_role', tests.ending('{adam}')), '1 rows', 'but for the operator');
select is(tests.attempt('owner', tests.ending('{adam}')), '1 rows', 'and the owner');
select is(tests.attempt('adam', tests.ending('{cora}')), '1 rows', 'a coordinator is no administrator');
insert into mentorcert.memberships (id, organisation_id, user_id, role)
values (tests.id('m.cora.admin'), tests.id('alfa'), tests.id('cora'), 'org_admin');
select is(tests.attempt('adam', tests.ending('{adam}')), '1 rows', 'of two administrators one goes');
select is(tests.attempt('adam', tests.ending('{cora.admin}')), '1 rows', 'or the other');
select is(
  tests.attempt('adam', tests.ending('{adam,cora.admin}')), 'MC011 memberships_last_administrator', 'not both at once'
);
select is(tests.perform('adam', tests.ending('{cora.admin}')), '1 rows', 'once the other has gone');
select is(tests.attempt('adam', tests.ending('{adam}')), 'MC011 memberships_last_administrator', 'the one who is left stays');
select is(
  tests.attempt('adam', $$ update mentorcert.memberships set ended_at = null where id = tests.id('m.cora.admin') $$), '1 rows',
  'an ended one is taken up again'
);

select * from finish();
rollback;
