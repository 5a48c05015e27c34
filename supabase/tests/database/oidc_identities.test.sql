\ir fixture.psql
-- Whose login an identity at an OpenID Connect provider is; only the pages ask, and nobody reads it.

create function tests.login(subject text, email text, issuer text default 'https://id.example') returns text
language sql
as $$
  select login.email::text from auth.users as login
  where login.id = mentorcert_private.sign_in_by_oidc(issuer, subject, email)
$$;
insert into auth.users (id, email) values (gen_random_uuid(), 'Twin@example.org'), (gen_random_uuid(), 'twin@example.org');

select is(tests.login('one', 'twin@example.org'), null, 'an address of two logins is nobody''s');
select is(tests.login('one', 'no address'), null, 'what is no address gets no login');
select is((select count(*) from mentorcert_private.oidc_identities), 0::bigint, 'and links nothing');

insert into mentorcert_private.oidc_identities (issuer, subject, user_id)
select 'https://id.example', 'one', login.id from auth.users as login where login.email = 'twin@example.org';
delete from auth.users where email = 'Twin@example.org';
select is(tests.login('one', 'new@example.org'), 'twin@example.org', 'a known identity keeps its login, whatever its address');
select is(tests.login('two', 'twin@example.org'), null, 'another subject with its address does not get it');
select is(tests.login('one', 'twin@example.org', 'https://other.example'), null, 'nor does the same subject elsewhere');
update auth.users set deleted_at = now() where email = 'twin@example.org';
select is(tests.login('one', 'twin@example.org'), null, 'a login that was deleted lets nobody in');

select is(tests.attempt(who, statement), '42501', who || ': ' || statement)
from
  unnest(array['adam', 'anon', 'service_role']) as who,
  unnest(array[
    $$ select mentorcert_private.sign_in_by_oidc('https://id.example', 'one', 'twin@example.org') $$,
    'select user_id from mentorcert_private.oidc_identities', 'delete from mentorcert_private.oidc_identities'
  ]) as statement;

select * from finish();
rollback;
