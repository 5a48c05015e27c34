-- What an import asks and writes of each of its thousands of people, in less time: the same answers.

-- PL/pgSQL keeps what it has made ready of an expression, where a function in SQL begins again with each statement, on 15 with each call.

create or replace function mentorcert_private.is_email(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  -- Nearly all are written so; what looks ahead takes a hundred times as long. Of so few characters no part is too long.
  if length(value) <= 64
    and value ~ '^[a-zA-Z0-9_+-]+(\.[a-zA-Z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z][a-z0-9]*(-[a-z0-9]+)*$'
  then
    return true;
  end if;
  return (
    select length(value) <= 254
      and value ~ (
        '^(?=[^@]{1,64}@)[a-zA-Z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-zA-Z0-9!#$%&''*+/=?^_`{|}~-]+)*'
        '@((?![^.]{64})' || label || '\.)+(?![0-9]+$)(?![^.]{64})' || label || '$'
      )
      and value !~ '[@.](?!xn--[a-z0-9-]+(\.|$))[^@.]{2}--[^@]*$'
    from (
      -- The letters that Unicode's own rules for domains (IDNA 2008) take, of Latin, Greek and Cyrillic.
      select
        format('%1$s(%2$s*%1$s)?', '[' || letters || ']', '[' || letters || '-]') as label
      from (
        select 'a-z0-9\u00e0-\u00f6\u00f8-\u00ff\u0101\u0103\u0105\u0107\u0109\u010b\u010d\u010f\u0111\u0113\u0115\u0117'
          '\u0119\u011b\u011d\u011f\u0121\u0123\u0125\u0127\u0129\u012b\u012d\u012f\u0131\u0135\u0137\u0138\u013a\u013c\u013e'
          '\u0142\u0144\u0146\u0148\u014b\u014d\u014f\u0151\u0153\u0155\u0157\u0159\u015b\u015d\u015f\u0161\u0163\u0165\u0167'
          '\u0169\u016b\u016d\u016f\u0171\u0173\u0175\u0177\u017a\u017c\u017e\u03ac-\u03ce\u0430-\u045f' as letters
      ) as written
    ) as domain
  );
end
$$;
comment on function mentorcert_private.is_email(text) is
  'Whether a text is one e-mail address that a mail can be sent to: a local part of ASCII, and a domain of labels that punycode can write.';

create or replace function mentorcert_private.is_phone(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return value ~ '^[(]?\+?[0-9][0-9 ()./-]*( ?(x|ext\.?|int\.?) ?[0-9]+)?$' and value ~ '([0-9][^0-9]*){3}';
end
$$;
comment on function mentorcert_private.is_phone(text) is 'Whether a text is a telephone number: digits, with what people put between them.';

create or replace function mentorcert_private.is_number(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return value ~ '^[!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+( [!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+)*$'
    and value = mentorcert_private.canonical_line(value);
end
$$;
comment on function mentorcert_private.is_number(text) is
  'Whether a text can be a number of a person: Latin letters only, because those of others look like them, and full-width digits like digits.';

create or replace function mentorcert_private.search_key(value text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return case
    when value ~ '^[ -~]*$' then lower(value collate "C")
    else mentorcert_private.unaccented(
      replace(replace(replace(replace(replace(mentorcert_private.folded(value), 'å', 'aa'), 'ä', 'ae'), 'ø', 'oe'), 'ö', 'oe'), 'ü', 'ue')
    )
  end;
end
$$;
comment on function mentorcert_private.search_key(text) is
  'A text as searches compare it, letter by letter, so that a part of a text has a part of its key: in lower case, å as aa, æ and ä as ae, ø and ö as oe, ü as ue, other letters without their accents.';

create or replace function mentorcert_private.reject_erased()
returns trigger
language plpgsql
security definer -- the hashes are nobody's to read
set search_path = ''
as $$
begin
  -- Most organisations have erased nobody.
  if not exists (
    select from mentorcert_private.erased_identities as erased where erased.organisation_id = new.organisation_id
  ) then
    return new;
  end if;
  if tg_op = 'INSERT' and exists (
    -- Those who are here already may be written by an insert that becomes an update.
    select from mentorcert.peer_mentors as present
    where present.organisation_id = new.organisation_id and present.external_id = new.external_id
  ) then
    return new;
  end if;
  if exists (
    select from mentorcert_private.matching_erasures(
      new.organisation_id,
      case when tg_op = 'INSERT' or new.external_id <> old.external_id then new.external_id end,
      case when tg_op = 'INSERT' or new.email is distinct from old.email then new.email end
    )
  ) then
    raise exception using
      errcode = 'MC021', message = 'a person with this number or e-mail address was erased, and stays erased',
      hint = 'Take the row out of the file or form. If the person came back, an administrator readmits the number with a reason.',
      schema = 'mentorcert', table = 'peer_mentors', constraint = 'erased_stay_erased';
  end if;
  return new;
end
$$;
comment on function mentorcert_private.reject_erased() is
  'Refuses (MC021) a number or an e-mail address of somebody erased, by whatever way it comes.';

create or replace function mentorcert_private.record_consent_acts(peer_mentor_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  change constant jsonb := coalesce(nullif(current_setting('mentorcert.change', true), ''), '{}')::jsonb;
  acting_user constant uuid := mentorcert_private.acting_user();
begin
  -- Who acts is asked once for each organisation.
  with actors as materialized (
    select organisation.id as organisation_id, mentorcert_private.actor(organisation.id, change) as actor
    from mentorcert.organisations as organisation
    where organisation.id in (select mentor.organisation_id from mentorcert.peer_mentors as mentor where mentor.id = any(peer_mentor_ids))
  )
  insert into mentorcert.listing_consents (organisation_id, peer_mentor_id, is_given, recorded_at, actor, way, reason)
  select
    mentor.organisation_id, mentor.id, mentor.listing_consent,
    greatest(clock_timestamp(), latest.recorded_at + interval '1 microsecond'),
    actors.actor,
    case
      when mentor.user_id = acting_user then 'mentor'
      when acting_user is not null then case when change ->> 'way' = 'form' then 'form' else 'api' end
      else case change ->> 'job' when 'import' then 'file' when 'portal' then 'portal' when 'erasure' then 'erasure' else 'sql' end
    end,
    change ->> 'reason'
  from mentorcert.peer_mentors as mentor
  join actors on actors.organisation_id = mentor.organisation_id
  cross join lateral (
    select max(act.recorded_at) as recorded_at from mentorcert.listing_consents as act where act.peer_mentor_id = mentor.id
  ) as latest
  where mentor.id = any(peer_mentor_ids);
end
$$;
comment on function mentorcert_private.record_consent_acts(uuid[]) is
  'Appends an act for each of these peer mentors: what their row says now, by whom and by which way.';

create or replace function mentorcert_private.analyze_import(step text)
returns void
language plpgsql
security definer -- only the owner of a table has its statistics taken
set search_path = ''
as $$
begin
  case step
    when 'rows' then
      analyze pg_temp.import_rows (line, external_id, certification_type);
    when 'certifications' then
      analyze pg_temp.import_certifications (line, external_id, certification_type, certification_id), pg_temp.import_periods (line, is_current);
    when 'memberships' then
      analyze pg_temp.import_memberships;
    else null; -- A worker of 0.1.0 asks for peer_mentors too.
  end case;
end
$$;
comment on function mentorcert_private.analyze_import(text) is 'Has statistics taken of what a step of an import has filled: rows, certifications, memberships.';
