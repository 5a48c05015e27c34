\ir fixture.psql
-- The public check of a certificate: valid now or not, by its dates, to everybody the same.

create function tests.is_valid(certification text) returns text
language sql set search_path = ''
as $$ select tests.attempt('anon', format('select public.check_certificate(%L)', tests.id(certification))) $$;

-- As if the night had not come: the stored status stays what it was.
create function tests.set_dates(certification text, issued timestamptz, expires timestamptz, stored text) returns void
language plpgsql set search_path = ''
as $$
begin
  set local session_replication_role = replica;
  update public.peer_mentor_certifications set issued_at = issued, expires_at = expires, status = stored
  where id = tests.id(certification);
  set local session_replication_role = origin;
end
$$;

select tests.everybody_gets(
  format(
    'select code from unnest(%L::uuid[]) as code where public.check_certificate(code)',
    array(select id from public.peer_mentor_certifications) || gen_random_uuid()
  ),
  'everybody gets the same, of every organisation',
  'adam anon bea bob cora dora dora@alfa dora@beta gone mia mixa nora paula per service_role sev: '
  'bert.basic,cait.basic,dora.basic,lost.basic,mia.basic,mia.short,mixa.basic,old.basic,per.life'
);
select is(tests.is_valid('per.life'), 'true', 'what does not expire');
select is(tests.is_valid('lone.basic'), 'false', 'what has expired');
select is(tests.is_valid('nobody'), 'false', 'what does not exist');
select is(tests.attempt('anon', 'select public.check_certificate(null)'), 'false', 'no code');

-- Every status, at each side of every instant. now() is the instant at which the transaction began.
select is(valid.answer, expected, format('%s, from %s to %s', stored, issued, expires))
from (
  values
    (interval '-1 day', interval '0', 'active', 'false'), ('-1 day', '1 microsecond', 'active', 'true'),
    ('-1 day', '-1 microsecond', 'active', 'false'), ('0', '1 day', 'active', 'true'),
    ('1 microsecond', '1 day', 'active', 'false'), ('-1 day', null, 'active', 'true'),
    ('-1 day', '1 day', 'suspended', 'false'), ('-1 day', null, 'suspended', 'false'),
    ('-1 day', '1 day', 'expired', 'true'), ('-1 day', '0', 'expired', 'false')
) as cases (issued, expires, stored, expected)
cross join lateral (select tests.set_dates('mia.basic', now() + issued, now() + expires, stored)) as set_up
cross join lateral (select tests.is_valid('mia.basic') as answer where set_up is not null) as valid;

select tests.set_dates('mia.basic', now() - interval '1 day', null, 'active');
update mentorcert.peer_mentors set
  erased_at = now(), user_id = null, full_name = 'erased', external_id = 'erased-' || id, listing_consent = false
where id = tests.id('mia');
select is(tests.is_valid('mia.basic'), 'false', 'of somebody erased, whatever the dates say');
select is(tests.is_valid('bert.basic'), 'true', 'others'' hold');
select mentorcert_private.erase_peer_mentor(tests.id('bert'));
select is(tests.is_valid('bert.basic'), 'false', 'until they are erased as well');

insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'A test');
select is(tests.is_valid('per.life'), 'MC010 endpoint_enabled', 'off with the certifications');

select * from finish();
rollback;
