\ir fixture.psql
-- The heartbeat, by which a standby knows how far it is behind.

select is(mentorcert_private.seconds_behind(), null, 'without a heartbeat nobody knows');
select mentorcert_private.beat();
select cmp_ok(mentorcert_private.seconds_behind(), '>=', 0::double precision, 'it is written by the clock, not by the start of the transaction');
select cmp_ok((select beaten_at from mentorcert_private.heartbeats), '>', now(), 'so a long transaction does not make it old');
update mentorcert_private.heartbeats set beaten_at = clock_timestamp() - interval '1 hour';
select cmp_ok(mentorcert_private.seconds_behind(), '>=', 3600::double precision, 'it grows old');
select mentorcert_private.beat();
select cmp_ok(mentorcert_private.seconds_behind(), '<', 3600::double precision, 'until it is written again');
select throws_ok($$ insert into mentorcert_private.heartbeats (is_only, beaten_at) values (false, now()) $$, '23514', null, 'there is one');
select throws_ok($$ insert into mentorcert_private.heartbeats (beaten_at) values (now()) $$, '23505', null, 'and no second');

select * from finish();
rollback;
