-- What people write: one canonical form for each text, whichever way it comes, and what a text cannot hold.
--
-- A character that nobody sees makes two persons of one number and two names of one name. So triggers bring a text to its
-- canonical form before anything compares it, and CHECKs refuse what that leaves: control characters, U+FFFD, which
-- stands for what could not be read, and private characters. Immutable functions, as indexes and CHECKs want them; the
-- classes are ranges, because no regular expression here knows a property of Unicode. A test compares them with Unicode.

create schema if not exists mentorcert_private;
comment on schema mentorcert_private is
  'Helpers of policies, triggers and jobs. Not exposed through the Data API.';
revoke all on schema mentorcert_private from public;
grant usage on schema mentorcert_private to authenticated, service_role;

create or replace function mentorcert_private.canonical_text(value text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  -- The letters of Latin, composed: nothing to do. And what no CHECK takes anyway is not worth the time.
  if value ~ '^[!-~\u00a1-\u00ac\u00ae-\u024f]+([ \n][!-~\u00a1-\u00ac\u00ae-\u024f]+)*$' or length(value) > 10000 then
    return value;
  end if;
  return (
    select normalize(btrim(wordwise.written, E' \n'), nfc)
    from (
      select
        -- What nobody sees: format characters, ignorable ones, fillers, tags, the blank of braille.
        regexp_replace(
          value,
          '[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f'
          '\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f'
          '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]',
          '', 'g'
        ) as written
    ) as seen
    cross join lateral (
      select regexp_replace(seen.written, '\r\n|[\r\u000b\u000c\u0085\u2028\u2029]', E'\n', 'g') as written
    ) as lines
    cross join lateral (
      select regexp_replace(
        regexp_replace(
          regexp_replace(lines.written, '[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+', ' ', 'g'), ' ?\n ?', E'\n', 'g'
        ),
        '\n{3,}', E'\n\n', 'g'
      ) as written
    ) as spaced
    cross join lateral (
      -- Selectors of a variant say something after a Chinese character and a Mongolian letter, joiners between letters of
      -- the scripts that join them; each once.
      select regexp_replace(
        regexp_replace(
          regexp_replace(spaced.written, '(?<![\u1820-\u18aa])[\u180b-\u180d\u180f]', '', 'g'),
          '(?<![\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\ufe00-\ufe0f\U000e0100-\U000e01ef]', '', 'g'
        ),
        '([\u200c\u200d])[\u200c\u200d]+', '\1', 'g'
      ) as written
    ) as varied
    cross join lateral (
      select regexp_replace(
        varied.written,
        '(?<![\u0610-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18aa])[\u200c\u200d]'
        '|[\u200c\u200d](?![\u0610-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18aa])',
        '', 'g'
      ) as written
    ) as wordwise
  );
end
$$;
comment on function mentorcert_private.canonical_text(text) is
  'A text of one or more lines as the registry keeps it: composed (NFC), without invisible characters, single spaces, no space around a line.';

create or replace function mentorcert_private.canonical_line(value text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  written constant text := mentorcert_private.canonical_text(value);
begin
  return case when strpos(written, E'\n') > 0 then regexp_replace(written, '\n+', ' ', 'g') else written end;
end
$$;
comment on function mentorcert_private.canonical_line(text) is 'A name, number, code or address as the registry keeps it: mentorcert_private.canonical_text on one line.';

create or replace function mentorcert_private.folded(value text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  -- Only ASCII: nothing to look up, letter by letter.
  if octet_length(value) = length(value) then
    return lower(value collate "C");
  end if;
  return translate(
    lower(value collate "C"),
    'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽ',
    'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįiĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżž'
  );
end
$$;
comment on function mentorcert_private.folded(text) is
  'A text in lower case, alike on every server: lower() of a locale would give an index another order after an upgrade.';

create or replace function mentorcert_private.unaccented(value text)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case
    when value ~ '^[ -~]*$' then lower(value collate "C")
    else translate(
      regexp_replace(
        normalize(
          replace(replace(replace(replace(mentorcert_private.folded(value), 'æ', 'ae'), 'œ', 'oe'), 'ß', 'ss'), 'þ', 'th'), nfd
        ),
        '[\u0300-\u036f]', '', 'g'
      ),
      'øðđħıĸłŋŧςABCDEFGHIJKLMNOPQRSTUVWXYZΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
      'oddhiklntσabcdefghijklmnopqrstuvwxyzαβγδεζηθικλμνξοπρστυφχψωабвгдежзиклмнопрстуфхцчшщъыьэюя'
    )
  end
$$;
comment on function mentorcert_private.unaccented(text) is
  'A text in lower case and without accents, as it is typed where the keyboard has none: å as a, ø as o, æ as ae.';

create or replace function mentorcert_private.search_key(value text)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case
    when value ~ '^[ -~]*$' then lower(value collate "C")
    else mentorcert_private.unaccented(
      replace(replace(replace(replace(replace(mentorcert_private.folded(value), 'å', 'aa'), 'ä', 'ae'), 'ø', 'oe'), 'ö', 'oe'), 'ü', 'ue')
    )
  end
$$;
comment on function mentorcert_private.search_key(text) is
  'A text as searches compare it, letter by letter, so that a part of a text has a part of its key: in lower case, å as aa, æ and ä as ae, ø and ö as oe, ü as ue, other letters without their accents.';

create or replace function mentorcert_private.search_keys(value text)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case when value ~ '^[ -~]*$' then lower(value collate "C") else concat_ws(
    ' ', mentorcert_private.search_key(value),
    nullif(mentorcert_private.unaccented(value), mentorcert_private.search_key(value))
  ) end
$$;
comment on function mentorcert_private.search_keys(text) is
  'All by which a text is found: its search key, and where that is another text, what it is without accents.';

create or replace function mentorcert_private.sort_key(name text)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case
    when name ~ '^[ -~]*$' then replace(lower(name collate "C"), 'aa', 'þ')
    -- Between z and the end of Latin: æ, ø, þ, of which the last stands for å here.
    else translate(
      regexp_replace(
        normalize(
          replace(translate(replace(replace(mentorcert_private.folded(name), 'þ', 'th'), 'ß', 'ss'), 'åäöœ', 'þæøø'), 'aa', 'þ'), nfd
        ),
        '[\u0300-\u036f]', '', 'g'
      ),
      'ðđħıĸłŋŧ', 'ddhiklnt'
    )
  end collate "C"
$$;
comment on function mentorcert_private.sort_key(text) is
  'By what names are sorted, as Norwegian collations do it and alike on every server, since not each has them: æ, ø, å (also aa) after z, other letters as without accents.';

create or replace function mentorcert_private.canonical_email(value text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
  line constant text := mentorcert_private.canonical_line(value);
begin
  return regexp_replace(line, '@[^@]*$', '') || coalesce(mentorcert_private.folded(substring(line from '@[^@]*$')), '');
end
$$;
comment on function mentorcert_private.canonical_email(text) is 'An e-mail address as the registry keeps it: what stands after the @ in lower case.';

create or replace function mentorcert_private.is_readable(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return length(value) > 10000
    or value !~ '[\u0001-\u0009\u000b-\u001f\u007f-\u009f\ue000-\uf8ff\ufdd0-\ufdef\ufffc-\uffff\U0001fffe\U0001ffff\U0002fffe\U0002ffff\U000e1000-\U0010ffff]'
    and value = mentorcert_private.canonical_text(value);
end
$$;
comment on function mentorcert_private.is_readable(text) is
  'Whether a text is canonical and holds no control character, no private one, and none that stands for what could not be read.';

create or replace function mentorcert_private.is_readable_line(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return mentorcert_private.is_readable(value) and strpos(value, E'\n') = 0;
end
$$;
comment on function mentorcert_private.is_readable_line(text) is 'Whether a text is readable and stands on one line.';

create or replace function mentorcert_private.is_number(value text)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select value ~ '^[!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+( [!-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e]+)*$'
    and value = mentorcert_private.canonical_line(value)
$$;
comment on function mentorcert_private.is_number(text) is
  'Whether a text can be a number of a person: Latin letters only, because those of others look like them, and full-width digits like digits.';

create or replace function mentorcert_private.is_email(value text)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
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
$$;
comment on function mentorcert_private.is_email(text) is
  'Whether a text is one e-mail address that a mail can be sent to: a local part of ASCII, and a domain of labels that punycode can write.';

create or replace function mentorcert_private.is_phone(value text)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select value ~ '^[(]?\+?[0-9][0-9 ()./-]*( ?(x|ext\.?|int\.?) ?[0-9]+)?$' and length(regexp_replace(value, '[^0-9]', '', 'g')) >= 3
$$;
comment on function mentorcert_private.is_phone(text) is 'Whether a text is a telephone number: digits, with what people put between them.';

create or replace function mentorcert_private.number_key(external_id text)
returns text
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return regexp_replace(replace(mentorcert_private.folded(external_id), ' ', ''), '^0+(?=.)', '');
end
$$;
comment on function mentorcert_private.number_key(text) is
  'What is left of a number when a spreadsheet, or a hurried typist, has been at it: no case, no spaces, no leading zeros.';

-- Triggers: the first argument says how (line or text), the others are the columns.

create or replace function mentorcert_private.canonicalise()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  written constant jsonb := to_jsonb(new);
  column_name text;
  canonical text;
begin
  foreach column_name in array tg_argv[1:] loop
    canonical := case tg_argv[0]
      when 'line' then mentorcert_private.canonical_line(written ->> column_name)
      else mentorcert_private.canonical_text(written ->> column_name)
    end;
    if canonical <> written ->> column_name then
      new := jsonb_populate_record(new, jsonb_build_object(column_name, canonical));
    end if;
  end loop;
  return new;
end
$$;
comment on function mentorcert_private.canonicalise() is
  'Brings what is written into columns to its canonical form, as a line or as a text of more lines. Named to run before other triggers.';

revoke execute on function
  mentorcert_private.canonical_text, mentorcert_private.canonical_line, mentorcert_private.folded, mentorcert_private.unaccented, mentorcert_private.search_key,
  mentorcert_private.search_keys, mentorcert_private.sort_key, mentorcert_private.canonical_email, mentorcert_private.is_readable,
  mentorcert_private.is_readable_line, mentorcert_private.is_number, mentorcert_private.is_email, mentorcert_private.is_phone, mentorcert_private.number_key, mentorcert_private.canonicalise
from public, anon, authenticated, service_role;
-- CHECKs, indexes and triggers run with the rights of the one who writes.
grant execute on function
  mentorcert_private.canonical_text, mentorcert_private.canonical_line, mentorcert_private.folded, mentorcert_private.unaccented, mentorcert_private.search_key,
  mentorcert_private.search_keys, mentorcert_private.sort_key, mentorcert_private.canonical_email, mentorcert_private.is_readable,
  mentorcert_private.is_readable_line, mentorcert_private.is_number, mentorcert_private.is_email, mentorcert_private.is_phone, mentorcert_private.number_key
to authenticated, service_role;
