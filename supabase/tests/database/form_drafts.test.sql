\ir fixture.psql
-- Drafts of forms: of the person who typed them alone, in the organisation in which they were typed, for a day.

create function tests.kept(of text, by text) returns text
language sql
as $$
  select tests.attempt(by, format(
    'insert into mentorcert_private.form_drafts (organisation_id, user_id, path, fields) values (tests.id(%L), tests.id(%L), ''/x'', ''[]'')',
    'alfa', of
  ))
$$;
select is(tests.kept('cora', 'bea'), '42501', 'nobody keeps one in another''s name');
select is(tests.kept('bea', 'bea'), '42501', 'nor in another organisation');
select is(
  tests.attempt('cora', $$
    insert into mentorcert_private.form_drafts (organisation_id, user_id, path, fields) values (tests.id('alfa'), tests.id('cora'), '/x', '{}')
  $$),
  '23514 form_drafts_fields_valid', 'names and values are a list'
);
insert into mentorcert_private.form_drafts (organisation_id, user_id, path, fields)
values (tests.id('alfa'), tests.id('cora'), '/x', '[["note", "Typed"]]');
select tests.everybody_gets(
  $$ select path from mentorcert_private.form_drafts $$, 'its author reads it',
  'cora: /x', 'adam bea bob dora dora@alfa dora@beta gone mia mixa nora paula per sev: ', 'anon service_role: 42501'
);
select is(tests.attempt('cora', 'delete from mentorcert_private.form_drafts'), '42501', 'nobody deletes');
select is(tests.attempt('cora', $$ update mentorcert_private.form_drafts set path = '/y' $$), '42501', 'nobody changes it');
insert into mentorcert_private.form_drafts (organisation_id, user_id, path, fields)
select tests.id('alfa'), tests.id('cora'), '/x', '[]' from generate_series(1, 60);
insert into mentorcert_private.form_drafts (organisation_id, user_id, path, fields) values (tests.id('alfa'), tests.id('adam'), '/x', '[]');
select mentorcert_private.delete_outdated();
select is((select count(*)::integer from mentorcert_private.form_drafts), 51, 'of each person the latest fifty are kept');
update mentorcert_private.form_drafts set written_at = now() - interval '25 hours';
select mentorcert_private.delete_outdated();
select is((select count(*)::integer from mentorcert_private.form_drafts), 0, 'for a day');

select * from finish();
rollback;
