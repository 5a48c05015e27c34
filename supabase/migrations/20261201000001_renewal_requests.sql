-- Requests: a peer mentor asks for a renewal of a certification, and says what was done, on which day; never a file.
--
-- Nothing is renewed by a request: who has the right renews, and names it in the evidence. It closes by itself when the
-- certification is renewed otherwise, and when the person leaves. It follows its certification through a merge: where the kept
-- row has one of the same type, nobody sees it, until the merge is undone. The mails go through the ledger of the notices.

create table if not exists mentorcert_private.renewal_requests (
  id uuid not null default gen_random_uuid(),
  organisation_id uuid not null,
  certification_id uuid not null,
  text text not null,
  done_on date not null,
  state text not null default 'open',
  reply text,
  answer text,
  held_from timestamptz not null,
  asked_at timestamptz not null default clock_timestamp(),
  settled_at timestamptz,
  settled_by uuid,
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint renewal_requests_pkey primary key (id),
  constraint renewal_requests_organisation_id_fkey foreign key (organisation_id) references mentorcert.organisations (id),
  constraint renewal_requests_certification_id_fkey foreign key (certification_id)
    references public.peer_mentor_certifications (id),
  constraint renewal_requests_settled_by_fkey foreign key (settled_by) references auth.users (id) on delete set null,
  constraint renewal_requests_text_characters check (mentorcert_private.is_readable(text)),
  constraint renewal_requests_text_length check (length(text) <= 400),
  constraint renewal_requests_text_valid check (text <> ''),
  constraint renewal_requests_reply_characters check (mentorcert_private.is_readable(reply)),
  constraint renewal_requests_reply_length check (length(reply) <= 1000),
  constraint renewal_requests_reply_valid check (
    reply <> '' and (reply is not null or state not in ('asked_back', 'refused'))
  ),
  constraint renewal_requests_answer_characters check (mentorcert_private.is_readable(answer)),
  constraint renewal_requests_answer_length check (length(answer) <= 1000),
  constraint renewal_requests_answer_valid check (answer <> ''),
  constraint renewal_requests_state_valid check (
    state in ('open', 'asked_back', 'approved', 'refused', 'withdrawn', 'closed')
    and (settled_at is null) = (state in ('open', 'asked_back'))
  ),
  constraint renewal_requests_done_on_in_calendar check (done_on between '1899-12-31' and '9999-12-31'),
  constraint renewal_requests_held_from_in_calendar check (held_from between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint renewal_requests_asked_at_in_calendar check (asked_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint renewal_requests_settled_at_in_calendar check (settled_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z'),
  constraint renewal_requests_updated_at_in_calendar check (updated_at between '1899-12-31 00:00Z' and '9999-12-31 00:00Z')
);
create unique index if not exists renewal_requests_one_open
on mentorcert_private.renewal_requests (certification_id) where settled_at is null;
create index if not exists renewal_requests_certification_id_idx on mentorcert_private.renewal_requests (certification_id, asked_at);
create index if not exists renewal_requests_organisation_id_idx
on mentorcert_private.renewal_requests (organisation_id, asked_at, id) where settled_at is null;
create index if not exists renewal_requests_settled_at_idx on mentorcert_private.renewal_requests (settled_at);
create index if not exists renewal_requests_settled_by_idx on mentorcert_private.renewal_requests (settled_by);
alter table mentorcert_private.renewal_requests enable row level security;
revoke all on mentorcert_private.renewal_requests from public, anon, authenticated, service_role;
comment on table mentorcert_private.renewal_requests is
  'What peer mentors ask to have renewed. Read by public.renewal_requests; kept as mentorcert_private.log_retention says, since it was settled.';
comment on column mentorcert_private.renewal_requests.text is 'What was done; the evidence of the renewal says it.';
comment on column mentorcert_private.renewal_requests.done_on is 'The day on which it was done, from which the renewal counts.';
comment on column mentorcert_private.renewal_requests.state is
  'open: waits for who renews; asked_back: waits for the peer mentor; approved, refused, withdrawn; closed: renewed otherwise, or the person left.';
comment on column mentorcert_private.renewal_requests.reply is 'What was asked back, or why it was refused.';
comment on column mentorcert_private.renewal_requests.answer is 'What the peer mentor answered, to all that was asked back.';
comment on column mentorcert_private.renewal_requests.held_from is 'When the certification was issued or renewed last before the request: a later renewal settles it.';
comment on column mentorcert_private.renewal_requests.version is 'How often the row was written. An update that names it changes that version only.';

create or replace trigger canonicalise
before insert or update of text on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.canonicalise('text', 'text');

create or replace trigger canonicalise_reply
before insert or update of reply on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.canonicalise('text', 'reply');

create or replace trigger canonicalise_answer
before insert or update of answer on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.canonicalise('text', 'answer');

create or replace trigger keep_identity
before update on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.reject_change_of_column('id', 'organisation_id', 'certification_id', 'held_from', 'asked_at');

create or replace trigger check_version
before update of version on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.check_version();

create or replace trigger set_version
before update on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.set_version();

create or replace function mentorcert_private.reject_settled_request()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'MC001', message = format('the request is %s already', old.state),
    hint = 'Look at it again. What was settled stays; the peer mentor may ask once more.',
    schema = 'mentorcert_private', table = 'renewal_requests', column = 'state', constraint = 'renewal_requests_transition';
end
$$;
comment on function mentorcert_private.reject_settled_request() is 'Refuses (MC001) to open or settle again what is settled.';

create or replace trigger reject_settled
before update of state on mentorcert_private.renewal_requests
for each row when (old.settled_at is not null)
execute function mentorcert_private.reject_settled_request();

-- Never what was written.
do $$
begin
  perform mentorcert_private.audit_table(
    'mentorcert_private.renewal_requests', columns => '{state,done_on}', columns_of_new => '{certification_id,done_on}'
  );
end
$$;

-- Asking

create or replace function public.request_renewal(certification_id uuid, text text, done_on date)
returns uuid
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  held record;
  locked_id uuid;
  written_id uuid;
begin
  perform mentorcert_private.check_endpoint('certifications');
  perform mentorcert_private.require_instants(jsonb_build_object('done_on', request_renewal.done_on));
  -- Asked again under the locks: the person may have left, or been merged or erased, while they were waited for.
  loop
    select
      mentor.id as peer_mentor_id, certification.organisation_id, certification.issued_at, type.retired_on,
      public.refresher_until(certification) as refresher_until, type.after_lapse,
      mentorcert_private.day_of(certification.issued_at, organisation.time_zone) as issued_on,
      mentorcert_private.day_of(now(), organisation.time_zone) as today
    into held
    from public.peer_mentor_certifications as certification
    join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    join mentorcert.organisations as organisation on organisation.id = certification.organisation_id
    join mentorcert.certification_types as type
      on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
    where
      certification.id = request_renewal.certification_id and mentor.id = any(mentorcert_private.own_peer_mentor_ids())
      and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), organisation.time_zone));
    if not found then
      perform mentorcert_private.raise_forbidden();
    end if;
    exit when held.peer_mentor_id = locked_id;
    locked_id := held.peer_mentor_id;
    perform mentorcert_private.lock_peer_mentors(array[locked_id]);
  end loop;
  if held.retired_on <= held.today then
    raise exception using
      errcode = 'MC024', message = 'the certification type is not given any more', hint = 'There is nothing to renew.',
      constraint = 'certification_type_retired';
  elsif request_renewal.done_on not between held.issued_on + 1 and held.today then
    raise exception using
      errcode = 'MC008', message = format('it was done before %s, or is to come', held.issued_on + 1),
      hint = 'Give a day after the one on which the certification was issued or renewed last, and not in the future.',
      constraint = 'renewal_requests_done_on_valid';
  elsif request_renewal.done_on > held.refresher_until then
    perform mentorcert_private.reject_outdated(held.after_lapse, held.refresher_until);
  elsif (
    select count(*) >= 5 from mentorcert_private.renewal_requests as request
    where request.certification_id = request_renewal.certification_id and request.asked_at > clock_timestamp() - interval '1 day'
  ) then
    raise exception using
      errcode = 'MC008', message = 'five requests for this certification within a day', hint = 'Try again tomorrow.',
      constraint = 'renewal_requests_a_day';
  end if;
  insert into mentorcert_private.renewal_requests as request (organisation_id, certification_id, text, done_on, held_from)
  values (held.organisation_id, request_renewal.certification_id, request_renewal.text, request_renewal.done_on, held.issued_at)
  returning request.id into written_id;
  return written_id;
end
$$;
comment on function public.request_renewal(uuid, text, date) is
  'Asks for a renewal of a certification of the caller''s: what was done, on which day. One is open at a time. Returns its id.';

create or replace function mentorcert_private.locked_request(request_id uuid, version bigint, is_own boolean)
returns mentorcert_private.renewal_requests
language plpgsql
set search_path = ''
as $$
declare
  request mentorcert_private.renewal_requests;
  asking record;
  locked_id uuid;
begin
  perform mentorcert_private.check_endpoint('certifications');
  -- The certification and the person first: the order in which everybody locks. Asked again under the locks, as is who asks.
  loop
    select
      mentor.id, mentor.left_on <= mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(mentor.organisation_id)) as has_left
    into asking
    from mentorcert_private.renewal_requests as of
    join public.peer_mentor_certifications as certification on certification.id = of.certification_id
    join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
    where
      of.id = locked_request.request_id and mentor.merged_into is null
      and case
        when is_own then mentor.id = any(mentorcert_private.own_peer_mentor_ids())
        -- Nobody about the own.
        else mentor.user_id is distinct from auth.uid()
          and mentorcert_private.may_certify(mentor.organisation_id, mentorcert_private.current_chapter_ids(mentor.id))
      end;
    if not found then
      perform mentorcert_private.raise_forbidden();
    end if;
    exit when asking.id = locked_id;
    locked_id := asking.id;
    perform mentorcert_private.lock_peer_mentors(array[locked_id]);
  end loop;
  -- An update says whether it is the version that was read.
  update mentorcert_private.renewal_requests as of set version = coalesce(locked_request.version, of.version)
  where of.id = locked_request.request_id
  returning of.* into request;
  if request.settled_at is not null or asking.has_left then
    raise exception using
      errcode = 'MC001', message = 'the request is settled already',
      hint = 'Look at it again. What was settled stays; the peer mentor may ask once more.',
      schema = 'mentorcert_private', table = 'renewal_requests', column = 'state', constraint = 'renewal_requests_transition';
  end if;
  return request;
end
$$;
comment on function mentorcert_private.locked_request(uuid, bigint, boolean) is
  'A request that waits, locked with its certification and its person: one of the caller''s (is_own), or one of somebody else that the caller may approve; 42501 for all others, whether it is there or not, MC001 for what is settled.';

create or replace function public.answer_renewal_request(request_id uuid, answer text, done_on date default null, version bigint default null)
returns void
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  request constant mentorcert_private.renewal_requests := mentorcert_private.locked_request(request_id, version, is_own => true);
  time_zone constant text := mentorcert_private.time_zone_of(request.organisation_id);
  held record;
begin
  perform mentorcert_private.require_instants(jsonb_build_object('done_on', answer_renewal_request.done_on));
  if request.state <> 'asked_back' then
    raise exception using
      errcode = 'MC001', message = 'nothing was asked back', hint = 'Withdraw the request, and ask again.',
      schema = 'mentorcert_private', table = 'renewal_requests', column = 'state', constraint = 'renewal_requests_transition';
  elsif answer_renewal_request.done_on not between mentorcert_private.day_of(request.held_from, time_zone) + 1
    and mentorcert_private.day_of(now(), time_zone) then
    raise exception using
      errcode = 'MC008', message = 'it was done before the certification was issued, or is to come',
      hint = 'Give a day after the one on which the certification was issued or renewed last, and not in the future.',
      constraint = 'renewal_requests_done_on_valid';
  elsif coalesce(mentorcert_private.canonical_text(answer_renewal_request.answer), '') = '' then
    raise exception using
      errcode = 'MC004', message = 'there is no answer', hint = 'Write it.', constraint = 'renewal_requests_answer_valid';
  end if;
  select public.refresher_until(certification) as until, public.after_lapse(certification) as after_lapse into held
  from public.peer_mentor_certifications as certification where certification.id = request.certification_id;
  if coalesce(answer_renewal_request.done_on, request.done_on) > held.until then
    perform mentorcert_private.reject_outdated(held.after_lapse, held.until);
  end if;
  update mentorcert_private.renewal_requests as answered
  set
    state = 'open', answer = concat_ws(E'\n\n', request.answer, answer_renewal_request.answer),
    done_on = coalesce(answer_renewal_request.done_on, request.done_on)
  where answered.id = request.id;
end
$$;
comment on function public.answer_renewal_request(uuid, text, date, bigint) is
  'Answers what was asked back of a request of the caller''s, if it is still that version, and corrects the day where one is given.';

create or replace function public.withdraw_renewal_request(request_id uuid, version bigint default null)
returns void
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  request constant mentorcert_private.renewal_requests := mentorcert_private.locked_request(request_id, version, is_own => true);
begin
  update mentorcert_private.renewal_requests as withdrawn
  set state = 'withdrawn', settled_at = clock_timestamp(), settled_by = auth.uid()
  where withdrawn.id = request.id;
end
$$;
comment on function public.withdraw_renewal_request(uuid, bigint) is 'Withdraws a request of the caller''s that waits, if it is still that version.';

-- Replying

create or replace function public.ask_back_renewal_request(request_id uuid, reply text, version bigint default null)
returns void
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  request constant mentorcert_private.renewal_requests := mentorcert_private.locked_request(request_id, version, is_own => false);
begin
  update mentorcert_private.renewal_requests as asked
  set state = 'asked_back', reply = ask_back_renewal_request.reply
  where asked.id = request.id;
end
$$;
comment on function public.ask_back_renewal_request(uuid, text, bigint) is
  'Asks the peer mentor something about a request, if it is still that version; who may renew the certification.';

create or replace function public.refuse_renewal_request(request_id uuid, reason text, version bigint default null)
returns void
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  request constant mentorcert_private.renewal_requests := mentorcert_private.locked_request(request_id, version, is_own => false);
begin
  perform mentorcert_private.require_reason(refuse_renewal_request.reason);
  update mentorcert_private.renewal_requests as refused
  set state = 'refused', reply = refuse_renewal_request.reason, settled_at = clock_timestamp(), settled_by = auth.uid()
  where refused.id = request.id;
end
$$;
comment on function public.refuse_renewal_request(uuid, text, bigint) is
  'Refuses a request for a reason, which the peer mentor reads, if it is still that version; who may renew the certification.';

create or replace function mentorcert_private.request_to_approve(request_id uuid, version bigint)
returns table (certification_id uuid, done_on date, evidence jsonb)
language plpgsql
security definer -- requests are no client's to read
set search_path = ''
as $$
declare
  request constant mentorcert_private.renewal_requests := mentorcert_private.locked_request(request_id, version, is_own => false);
begin
  return query
  select
    request.certification_id, request.done_on,
    jsonb_build_object('seen', request.text, 'seen_on', request.done_on, 'request_id', request.id);
end
$$;
comment on function mentorcert_private.request_to_approve(uuid, bigint) is
  'What a renewal by a request takes from it, locked, if it is still that version; for who may renew the certification.';

create or replace function public.approve_renewal_request(
  request_id uuid, renewed_on date default null, last_valid_day date default null, note text default null, version bigint default null
)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  request record;
begin
  select * into request
  from mentorcert_private.request_to_approve(approve_renewal_request.request_id, approve_renewal_request.version);
  return public.renew_certification(
    request.certification_id, coalesce(approve_renewal_request.renewed_on, request.done_on),
    approve_renewal_request.last_valid_day, approve_renewal_request.note, request.evidence
  );
end
$$;
comment on function public.approve_renewal_request(uuid, date, date, text, bigint) is
  'Renews the certification that a request is about, as of the day on which it was done or another one, by the rights of the caller, if it is still that version. The evidence of the renewal is the request, which it settles.';

-- The evidence of a renewal may name a request for it that waits.

create or replace function mentorcert_private.check_note_and_evidence(change jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if length(change ->> 'note') > 2000 then
    raise exception using
      errcode = 'MC008', message = 'the note is longer than 2000 characters',
      hint = 'Say it shorter; documents do not belong here.', constraint = 'certification_note_valid';
  elsif not mentorcert_private.is_readable(change ->> 'note') or exists (
    select from jsonb_each_text(case when jsonb_typeof(change -> 'evidence') = 'object' then change -> 'evidence' else '{}' end) as said
    where not mentorcert_private.is_readable(said.value)
  ) then
    raise exception using
      errcode = 'MC008', message = 'the note or the evidence holds a character that cannot be read',
      hint = 'Delete it, or type the text again.', constraint = 'certification_note_characters';
  elsif change ? 'evidence' and not (
    jsonb_typeof(change -> 'evidence') = 'object'
    and (change -> 'evidence') ?& array['seen', 'seen_on', 'seen_by']
    and (change -> 'evidence') - array['seen', 'seen_on', 'seen_by', 'request_id', 'course_id', 'basis'] = '{}'
    and coalesce(change #>> '{evidence,basis}', 'course') in ('course', 'registration')
    and not jsonb_path_exists(change -> 'evidence', '$.* ? (@.type() != "string" || @ like_regex "^\\s*$")')
    and length(change ->> 'evidence') <= 1000
    and mentorcert_private.is_past_day(change #>> '{evidence,seen_on}')
  ) then
    raise exception using
      errcode = 'MC008', message = 'evidence says what was seen, on which day, by whom',
      hint = 'Give {"seen": text, "seen_on": "yyyy-mm-dd", "seen_by": text} of at most 1000 characters, seen_on not in the future, and with "basis" "course" or "registration"; never a file.',
      constraint = 'certification_evidence_valid';
  end if;
end
$$;
comment on function mentorcert_private.check_note_and_evidence(jsonb) is
  'Refuses (MC008) a note that is too long and evidence of another shape.';

create or replace function mentorcert_private.check_named_requests()
returns trigger
language plpgsql
security definer -- requests are no client's to read
set search_path = ''
as $$
begin
  -- Nearly always none is named.
  if nullif(current_setting('mentorcert.change', true), '')::jsonb #>> '{evidence,request_id}' is not null and exists (
    select from changed_rows as changed
    where
      changed.renewal_history #>> '{-1,evidence,request_id}' is not null
      and not exists (
        select from mentorcert_private.renewal_requests as request
        join mentorcert.peer_mentors as mentor on mentor.id = changed.peer_mentor_id
        where
          request.id::text = changed.renewal_history #>> '{-1,evidence,request_id}' and request.certification_id = changed.id
          and request.settled_at is null and changed.renewal_history #>> '{-1,kind}' = 'renewed'
          -- Nobody about the own.
          and (mentor.user_id = auth.uid()) is not true
      )
  ) then
    raise exception using
      errcode = 'MC008', message = 'the evidence names no request for this renewal that waits',
      hint = 'Approve the request by approve_renewal_request, or leave request_id out.', constraint = 'certification_evidence_valid';
  end if;
  return null;
end
$$;
comment on function mentorcert_private.check_named_requests() is
  'Refuses (MC008) evidence by a request that does not wait, is about another certification or the caller''s own, or of what is no renewal.';

create or replace trigger check_named_requests_on_insert
after insert on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.check_named_requests();

create or replace trigger check_named_requests_on_update
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.check_named_requests();

-- Settled by what happens otherwise

create or replace function mentorcert_private.settle_requests()
returns trigger
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
set plan_cache_mode = force_custom_plan -- a plan that was made for a few renewals would compare each of many with each request
as $$
declare
  renewed_ids uuid[];
begin
  -- Nearly always there is none.
  if exists (select from mentorcert_private.renewal_requests as request where request.settled_at is null) then
    renewed_ids := array(
      select changed.id from changed_rows as changed where changed.renewal_history #>> '{-1,kind}' in ('renewed', 'imported')
    );
    update mentorcert_private.renewal_requests as request
    set
      state = case when renewed.renewal_history #>> '{-1,evidence,request_id}' = request.id::text then 'approved' else 'closed' end,
      settled_at = clock_timestamp(), settled_by = auth.uid()
    from public.peer_mentor_certifications as renewed
    where
      request.certification_id = any(renewed_ids) and request.settled_at is null and renewed.id = request.certification_id
      -- Whichever day an approval is of: the day of issue may have been corrected since the request.
      and (renewed.issued_at > request.held_from or renewed.renewal_history #>> '{-1,evidence,request_id}' = request.id::text);
  end if;
  return null;
end
$$;
comment on function mentorcert_private.settle_requests() is
  'Settles the requests whose certifications are renewed: approved by a renewal that names the request, closed by any other.';

create or replace trigger settle_requests
after update on public.peer_mentor_certifications
referencing new table as changed_rows
for each statement execute function mentorcert_private.settle_requests();

create or replace function mentorcert_private.close_requests()
returns trigger
language plpgsql
security definer -- requests are no client's to write
set search_path = ''
as $$
declare
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(new.organisation_id));
  certification_ids constant uuid[] := array(
    select certification.id from public.peer_mentor_certifications as certification where certification.peer_mentor_id = new.id
  );
begin
  if new.erased_at is not null then
    delete from mentorcert_private.renewal_requests as request where request.certification_id = any(certification_ids);
  -- Also of who left on a day that has come, and returns.
  elsif least(old.left_on, new.left_on) <= today then
    update mentorcert_private.renewal_requests as request
    set state = 'closed', settled_at = clock_timestamp(), settled_by = auth.uid()
    where request.certification_id = any(certification_ids) and request.settled_at is null;
  end if;
  return null;
end
$$;
comment on function mentorcert_private.close_requests() is
  'Closes the requests of who leaves; those of the erased are deleted.';

create or replace trigger close_requests
after update of left_on, erased_at on mentorcert.peer_mentors
for each row when ((new.left_on, new.erased_at) is distinct from (old.left_on, old.erased_at))
execute function mentorcert_private.close_requests();

-- Reading

create or replace function public.renewal_requests(
  only_open boolean default true, of_certification uuid default null, of_request uuid default null
)
returns table (
  id uuid, organisation_id uuid, certification_id uuid, peer_mentor_id uuid, full_name text, certification_type text,
  expires_at timestamptz, text text, done_on date, state text, reply text, answer text, asked_at timestamptz, settled_at timestamptz,
  settled_by text, is_own boolean, version bigint
)
language plpgsql
stable
security definer -- requests are no client's to read
set search_path = ''
as $$
#variable_conflict use_column
declare
  organisation constant uuid := public.get_user_organisation_id();
  administered constant uuid := mentorcert_private.administered_organisation_id();
  coordinated constant uuid[] := mentorcert_private.coordinated_chapter_ids();
  gone constant uuid[] := mentorcert_private.left_peer_mentor_ids();
  own constant uuid[] := mentorcert_private.own_peer_mentor_ids();
  today constant date := mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(organisation));
begin
  perform mentorcert_private.check_endpoint('certifications');
  return query
  select
    request.id, request.organisation_id, request.certification_id, mentor.id, mentor.full_name, certification.certification_type,
    certification.expires_at, request.text, request.done_on,
    case when request.settled_at is null and mentor.left_on <= today then 'closed' else request.state end,
    request.reply, request.answer, request.asked_at, request.settled_at,
    -- Of others the peer mentor reads no name.
    case
      when mentor.id <> all(own) or request.settled_by = auth.uid()
        then mentorcert_private.member_name(request.organisation_id, request.settled_by)
    end,
    mentor.id = any(own), request.version
  from mentorcert_private.renewal_requests as request
  join public.peer_mentor_certifications as certification on certification.id = request.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  where
    request.organisation_id = organisation
    and (of_certification is null or request.certification_id = of_certification)
    and (of_request is null or request.id = of_request)
    and (not only_open or request.settled_at is null and (mentor.left_on is null or mentor.left_on > today))
    and mentor.merged_into is null
    and (mentor.organisation_id = administered or mentor.chapter_ids && coordinated and mentor.id <> all(gone) or mentor.id = any(own))
  order by request.asked_at, request.id
  limit 200;
end
$$;
comment on function public.renewal_requests(boolean, uuid, uuid) is
  'The requests for renewals that wait (or all that are kept), one of them, of one certification or of all within reach, the oldest first: of administrators, of coordinators of the chapters, and the peer mentor''s own; the first 200.';

-- Mails, in the ledger of the notices

alter table mentorcert_private.notice_mails add column if not exists request_id uuid;
alter table mentorcert_private.notice_mails add column if not exists request_version bigint;
comment on column mentorcert_private.notice_mails.request_version is 'As which version of the request: once it was written again, the mail is no news.';
do $$
begin
  if not exists (select from pg_catalog.pg_constraint as known where known.conname = 'notice_mails_request_id_fkey') then
    alter table mentorcert_private.notice_mails
      add constraint notice_mails_request_id_fkey foreign key (request_id)
        references mentorcert_private.renewal_requests (id) on delete cascade,
      add constraint notice_mails_request_valid check (
        num_nonnulls(request_id, request_version) = case kind when 'request' then 2 else 0 end
      ),
      drop constraint notice_mails_kind_valid,
      add constraint notice_mails_kind_valid check (
        kind = 'reminder' and num_nonnulls(user_id, week, covered_until, invitation_id, letter_id) = 0 and peer_mentor_id is not null
        or kind = 'digest' and num_nonnulls(user_id, week, covered_until) = 3 and num_nonnulls(peer_mentor_id, invitation_id, letter_id, queued_at) = 0
        or kind = 'invitation' and num_nonnulls(user_id, week, covered_until, peer_mentor_id, letter_id, queued_at) = 0 and invitation_id is not null
        or kind = 'letter' and num_nonnulls(user_id, week, covered_until, invitation_id) = 0
        and num_nonnulls(peer_mentor_id, letter_id, queued_at) = 3
        or kind = 'request' and num_nonnulls(week, covered_until, invitation_id, letter_id) = 0
        and num_nonnulls(peer_mentor_id, user_id) = 1 and queued_at is not null
      );
  end if;
end
$$;
create unique index if not exists notice_mails_one_of_a_request
on mentorcert_private.notice_mails (request_id, request_version, coalesce(user_id, peer_mentor_id)) where request_id is not null;

create or replace function mentorcert_private.queue_request_mails()
returns trigger
language plpgsql
security definer -- the ledger is nobody's to write
set search_path = ''
as $$
declare
  mentor mentorcert.peer_mentors;
  asked_ids uuid[];
begin
  select person.* into mentor
  from public.peer_mentor_certifications as certification
  join mentorcert.peer_mentors as person on person.id = certification.peer_mentor_id
  where certification.id = new.certification_id;
  if new.state = 'open' then
    asked_ids := mentorcert_private.responsible_ids(mentor.id);
    -- The coordinators; where there is none, the administrators.
    asked_ids := coalesce(
      (
        select array_agg(distinct membership.user_id) from mentorcert.memberships as membership
        where
          membership.user_id = any(asked_ids) and membership.organisation_id = new.organisation_id and membership.role = 'coordinator'
          and (membership.ended_at is null or membership.ended_at > statement_timestamp())
      ),
      asked_ids
    );
  end if;
  insert into mentorcert_private.notice_mails (
    organisation_id, kind, state, user_id, peer_mentor_id, request_id, request_version, queued_at, claimed_at
  )
  select
    new.organisation_id, 'request', 'queued', recipient.user_id, recipient.peer_mentor_id, new.id, new.version, statement_timestamp(),
    statement_timestamp()
  from (
    select asked.id as user_id, null::uuid as peer_mentor_id from unnest(asked_ids) as asked (id)
    union all
    select null, mentor.id
    where new.state in ('asked_back', 'approved', 'refused') and mentorcert_private.address_fault(mentor.email, mentor.id) is null
  ) as recipient;
  return null;
end
$$;
comment on function mentorcert_private.queue_request_mails() is
  'Lets those who can settle a request know that it waits for them, and the peer mentor the result: one mail each, for each step.';

create or replace trigger queue_mails_on_insert
after insert on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.queue_request_mails();

create or replace trigger queue_mails_on_update
after update of state on mentorcert_private.renewal_requests
for each row execute function mentorcert_private.queue_request_mails();

create or replace function mentorcert_private.request_recipient(mail_id uuid)
returns table (address text, language text, organisation_id uuid)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select
    coalesce(mail_to.email, mentorcert_private.confirmed_address(mail.user_id)), coalesce(mail_to.language, own.language, 'nb'),
    mail.organisation_id
  from mentorcert_private.notice_mails as mail
  join mentorcert_private.renewal_requests as request on request.id = mail.request_id and request.version = mail.request_version
  join public.peer_mentor_certifications as certification on certification.id = request.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  left join mentorcert.peer_mentors as mail_to on mail_to.id = mail.peer_mentor_id
  left join mentorcert.peer_mentors as own on own.user_id = mail.user_id and own.organisation_id = mail.organisation_id
  where
    mail.id = request_recipient.mail_id
    -- Not who was asked and cannot do it any more, nor about who has left.
    and (
      mail.user_id is null
      or mail.user_id = any(mentorcert_private.responsible_ids(mentor.id))
      and (mentor.left_on is null or mentor.left_on > mentorcert_private.day_of(now(), mentorcert_private.time_zone_of(mentor.organisation_id)))
    );
end
$$;
comment on function mentorcert_private.request_recipient(uuid) is
  'Where a mail about a request goes, and in which language; no row once the request was written again, the login cannot settle it any more, or the peer mentor has left.';

create or replace function mentorcert_private.claimed_requests(mail_ids uuid[])
returns table (
  mail_id uuid, organisation text, language text, address text, request_id uuid, state text, is_peer_mentor boolean, full_name text,
  certification text, done_on date, reply text, last_valid_day date
)
language plpgsql
stable
security definer -- so that the role of the jobs reads the address of those only to whom it is to write, and a row says so
set search_path = ''
as $$
begin
  return query
  select
    mail.id, organisation.name, recipient.language, recipient.address, request.id, request.state, mail.peer_mentor_id is not null,
    mentor.full_name, case recipient.language when 'en' then type.name_en else type.name_nb end, request.done_on, request.reply,
    mentorcert_private.day_of(certification.expires_at, organisation.time_zone) - 1
  from mentorcert_private.notice_mails as mail
  cross join lateral mentorcert_private.request_recipient(mail.id) as recipient
  join mentorcert_private.renewal_requests as request on request.id = mail.request_id
  join public.peer_mentor_certifications as certification on certification.id = request.certification_id
  join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id
  join mentorcert.organisations as organisation on organisation.id = mail.organisation_id
  join mentorcert.certification_types as type
    on type.organisation_id = certification.organisation_id and type.code = certification.certification_type
  where
    mail.id = any(mail_ids) and mail.state = 'sending' and mentorcert_private.is_committed(mail.claimed_in)
    and mentorcert_private.may_be_mailed(mail.id);
end
$$;
comment on function mentorcert_private.claimed_requests(uuid[]) is
  'What to write in mails about requests that an earlier transaction claimed: so nobody reads an address and takes the claim back.';

-- How long they are kept

do $$
begin
  alter table mentorcert_private.log_retention
    drop constraint log_retention_log_known,
    add constraint log_retention_log_known check (
      log in (
        'access_log', 'alerts', 'audit_log', 'change_batches', 'invitations', 'job_runs', 'letter_drafts', 'letters', 'notes', 'notices',
        'reconciliations', 'renewal_requests', 'saved_filters'
      )
    );
end
$$;
insert into mentorcert_private.log_retention (log, keep) values ('renewal_requests', '1 year') on conflict do nothing;

create or replace function mentorcert_private.outdated_conditions()
returns table (log text, table_name regclass, condition text, place bigint)
language sql
stable
set search_path = ''
as $$
  select of.*
  from unnest(
    array[
      'access_log', 'alerts', 'alerts', 'audit_log', 'change_batches', 'invitations', 'job_runs', 'job_runs', 'letter_drafts', 'letters', 'notes', 'notices', 'notices', 'reconciliations',
      'reconciliations', 'renewal_requests', 'saved_filters'
    ],
    array[
      'mentorcert_private.access_log', 'mentorcert_portal.alert_notices', 'mentorcert_portal.alerts', 'mentorcert.audit_log', 'mentorcert_private.change_batches', 'mentorcert_private.invitations',
      'mentorcert_private.job_runs', 'mentorcert_private.nights', 'mentorcert_private.letters', 'mentorcert_private.letters', 'mentorcert_private.peer_mentor_notes',
      'mentorcert_private.notices', 'mentorcert_private.notice_mails', 'mentorcert_portal.drift', 'mentorcert_portal.reconciliations',
      'mentorcert_private.renewal_requests', 'mentorcert_private.saved_filters'
    ]::regclass[],
    array[
      'line.recorded_at < $1',
      'line.planned_at < $1 and line.state in (''sent'', ''given_up'')',
      'line.ended_at < $1 and not exists (select from mentorcert_portal.alert_notices as notice where notice.alert_id = line.id)',
      'line.recorded_at < $1',
      'line.changed_at < $1',
      'coalesce(line.accepted_at, line.withdrawn_at, line.expires_at) < $1',
      'line.started_at < $1', 'line.started_at < $1',
      'line.written_at < $1 and line.sent_at is null',
      -- With its mails, but for what is still to be sent.
      'line.written_at < $1 and line.sent_at < $1 and not exists (select from mentorcert_private.notice_mails as mail where mail.letter_id = line.id and mail.state in (''queued'', ''sending''))',
      -- From the day on which the person left.
      'exists (select from mentorcert.peer_mentors as mentor where mentor.id = mentorcert_private.kept_peer_mentor_id(line.peer_mentor_id) and mentor.left_on < $1::date)',
      -- While it can still be sent, its row is what keeps it from being sent again.
      'line.recorded_at < $1 and line.expires_at < $1',
      'line.claimed_at < $1 and line.state <> ''sending'' and line.letter_id is null and not exists (select from mentorcert_private.notices as notice where notice.mail_id = line.id)',
      'line.found_at < $1 and line.repaired_at is not null',
      'line.started_at < $1 and line.finished_at is not null and not exists (select from mentorcert_portal.drift as open where open.reconciliation_id = line.id)',
      -- One that waits is of no use from the day on which the person left, or where a merge replaced the certification.
      'line.settled_at < $1 or line.settled_at is null and exists (select from public.peer_mentor_certifications as certification join mentorcert.peer_mentors as mentor on mentor.id = certification.peer_mentor_id where certification.id = line.certification_id and (mentor.left_on < $1::date or mentor.merged_into is not null and line.asked_at < $1))',
      -- From the day on which its owner lost the last access to the lists.
      'line.user_id is not null and line.created_at < $1 and not exists (select from mentorcert.memberships as membership where membership.user_id = line.user_id and membership.organisation_id = line.organisation_id and membership.role <> ''peer_mentor'' and (membership.ended_at is null or membership.ended_at > $1))'
    ]
  ) with ordinality as of (log, table_name, condition, place)
$$;
comment on function mentorcert_private.outdated_conditions() is
  'What of each table is outdated at an instant ($1): the tables of a log in the order in which they are deleted from.';

revoke execute on function
  mentorcert_private.reject_settled_request, public.request_renewal, mentorcert_private.locked_request, public.answer_renewal_request,
  public.withdraw_renewal_request, public.ask_back_renewal_request, public.refuse_renewal_request, mentorcert_private.request_to_approve,
  public.approve_renewal_request, mentorcert_private.check_named_requests, mentorcert_private.settle_requests, mentorcert_private.close_requests, public.renewal_requests,
  mentorcert_private.queue_request_mails, mentorcert_private.request_recipient, mentorcert_private.claimed_requests
from public, anon, authenticated, service_role;
grant execute on function
  public.request_renewal, public.answer_renewal_request, public.withdraw_renewal_request, public.ask_back_renewal_request,
  public.refuse_renewal_request, mentorcert_private.request_to_approve, public.approve_renewal_request, public.renewal_requests
to authenticated;
grant execute on function mentorcert_private.claimed_requests to mentorcert_jobs;
