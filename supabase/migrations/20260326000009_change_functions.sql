-- The changes that clients call by name: register, renew, suspend, reinstate, extend.
--
-- They run under the caller's own policies and grants; what they add is the type's rule, the reason and the evidence.

create or replace function private.lock_certification(certification_id uuid)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications;
begin
  perform private.require_certifications();
  select * into certification from public.peer_mentor_certifications as candidate
  where candidate.id = certification_id
  for no key update;
  if not found then
    perform private.raise_forbidden();
  end if;
  return certification;
end
$$;
comment on function private.lock_certification(uuid) is
  'The certification, locked until the end of the transaction; 42501 for one that the caller may not change.';

create or replace function private.evidence(evidence jsonb)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when jsonb_typeof(evidence) = 'object' then jsonb_build_object('seen_by', coalesce(auth.uid()::text, current_user)) || evidence
    else evidence
  end
$$;
comment on function private.evidence(jsonb) is 'Evidence, seen by the caller where it does not say by whom.';

create or replace function private.expires_at_by_rule(
  certification public.peer_mentor_certifications, issued_on date, time_zone text
)
returns timestamptz
language sql
stable
set search_path = ''
as $$
  select private.day_starts(
    private.last_valid_day(
      type.validity_rule, type.validity_months, issued_on, private.day_of(certification.expires_at, time_zone) - 1
    ) + 1,
    time_zone
  )
  from public.certification_types as type
  where type.organisation_id = certification.organisation_id and type.code = certification.certification_type
$$;
comment on function private.expires_at_by_rule(public.peer_mentor_certifications, date, text) is
  'When a certification of this type expires by the type''s rule if issued or renewed on a day.';

create or replace function public.register_certification(
  peer_mentor_id uuid, certification_type text,
  issued_on date default null, last_valid_day date default null,
  note text default null, evidence jsonb default null
)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications;
  time_zone text;
begin
  perform private.require_certifications();
  select mentor.organisation_id into certification.organisation_id
  from public.peer_mentors as mentor where mentor.id = register_certification.peer_mentor_id;
  if not found then
    perform private.raise_forbidden();
  end if;
  if exists (
    select from public.peer_mentor_certifications as held
    where held.organisation_id = certification.organisation_id
      and held.peer_mentor_id = register_certification.peer_mentor_id
      and held.certification_type = register_certification.certification_type
  ) then
    raise exception using
      errcode = 'unique_violation', message = 'the peer mentor has a certification of this type already',
      hint = 'Renew it with renew_certification.',
      schema = 'public', table = 'peer_mentor_certifications',
      constraint = 'peer_mentor_certifications_one_of_a_type';
  end if;
  certification.certification_type := register_certification.certification_type;
  time_zone := private.time_zone_of(certification.organisation_id);
  issued_on := coalesce(issued_on, private.day_of(now(), time_zone));
  perform private.set_change_context(jsonb_build_object('note', note, 'evidence', private.evidence(evidence)));
  insert into public.peer_mentor_certifications (peer_mentor_id, certification_type, issued_at, expires_at)
  values (
    register_certification.peer_mentor_id,
    register_certification.certification_type,
    private.day_starts(issued_on, time_zone),
    coalesce(
      private.day_starts(last_valid_day + 1, time_zone),
      private.expires_at_by_rule(certification, issued_on, time_zone)
    )
  )
  returning * into certification;
  perform private.set_change_context(null);
  return certification;
end
$$;
comment on function public.register_certification(uuid, text, date, date, text, jsonb) is
  'Registers a certification issued on a day (today), valid to a last day (by the type''s rule). The caller certifies the peer mentor: else 42501.';

create or replace function public.renew_certification(
  certification_id uuid, renewed_on date default null, last_valid_day date default null,
  note text default null, evidence jsonb default null
)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := private.lock_certification(certification_id);
  time_zone constant text := private.time_zone_of(certification.organisation_id);
  until timestamptz;
begin
  renewed_on := coalesce(renewed_on, private.day_of(now(), time_zone));
  until := coalesce(
    private.day_starts(last_valid_day + 1, time_zone),
    case
      when certification.expires_at is not null
        then private.expires_at_by_rule(certification, renewed_on, time_zone)
    end
  );
  if private.day_starts(renewed_on, time_zone) <= certification.issued_at then
    raise exception using
      errcode = 'MC003',
      message = format(
        'issued or renewed on %s already: a renewal is of a later day',
        private.day_of(certification.issued_at, time_zone)
      ),
      hint = 'Look at the certification again: somebody may have renewed it already.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'issued_at',
      constraint = 'certification_renewal_after_issue';
  elsif until < coalesce(certification.expires_at, 'infinity') then
    raise exception using
      errcode = 'MC003',
      message = 'a renewal does not shorten what is held',
      detail = format('held until %s', certification.expires_at),
      hint = 'Leave last_valid_day out, or let the administrator correct the certification.',
      schema = 'public', table = 'peer_mentor_certifications', column = 'expires_at',
      constraint = 'certification_renewal_keeps_validity';
  end if;
  perform private.set_change_context(jsonb_build_object('note', note, 'evidence', private.evidence(evidence)));
  update public.peer_mentor_certifications as renewed
  set issued_at = private.day_starts(renewed_on, time_zone), expires_at = until
  where renewed.id = certification_id
  returning * into certification;
  perform private.set_change_context(null);
  return certification;
end
$$;
comment on function public.renew_certification(uuid, date, date, text, jsonb) is
  'Renews a certification as of a day (today), valid to a last day (by the type''s rule, counted from what is still held).';

create or replace function public.suspend_certification(certification_id uuid, reason text)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := private.lock_certification(certification_id);
begin
  if certification.status = 'suspended' then
    perform private.reject_transition('suspended', 'suspended');
  end if;
  perform private.require_reason(reason);
  perform private.set_change_context(jsonb_build_object('note', reason));
  update public.peer_mentor_certifications as suspended set status = 'suspended'
  where suspended.id = certification_id
  returning * into certification;
  perform private.set_change_context(null);
  return certification;
end
$$;
comment on function public.suspend_certification(uuid, text) is
  'Suspends a certification, for a reason; its time goes on running.';

create or replace function public.reinstate_certification(certification_id uuid, note text default null)
returns public.peer_mentor_certifications
language plpgsql
set search_path = ''
as $$
declare
  certification public.peer_mentor_certifications := private.lock_certification(certification_id);
begin
  if certification.status <> 'suspended' then
    perform private.reject_transition(certification.status, certification.status);
  end if;
  perform private.set_change_context(jsonb_build_object('note', note));
  update public.peer_mentor_certifications as reinstated set status = 'active' -- or expired: the trigger looks at the date
  where reinstated.id = certification_id
  returning * into certification;
  perform private.set_change_context(null);
  return certification;
end
$$;
comment on function public.reinstate_certification(uuid, text) is
  'Takes a suspension away; the certification is active or expired then, by its date.';

create or replace function public.extend_certifications(
  certification_type text, last_valid_day date, reason text,
  chapter_id uuid default null, expired_since date default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  batch constant uuid := gen_random_uuid();
  organisation constant uuid := private.administered_organisation_id();
  time_zone constant text := private.time_zone_of(organisation);
  until constant timestamptz := private.day_starts(last_valid_day + 1, time_zone);
  since constant timestamptz := coalesce(private.day_starts(expired_since, time_zone), now());
  chapters constant uuid[] := private.with_chapters_below(array[chapter_id]);
begin
  perform private.require_certifications();
  if organisation is null then
    perform private.raise_forbidden('only the administrator of an organisation extends certifications');
  end if;
  perform private.require_reason(reason);
  perform private.require_type(organisation, extend_certifications.certification_type);
  if last_valid_day is null then
    raise exception using
      errcode = 'MC008', message = 'an extension needs a last valid day',
      hint = 'Give the day to which the certifications are extended.', constraint = 'last_valid_day';
  end if;
  perform private.set_change_context(jsonb_build_object('note', reason, 'batch_id', batch));
  with locked as (
    select candidate.id from public.peer_mentor_certifications as candidate
    where
      candidate.organisation_id = organisation
      and candidate.certification_type = extend_certifications.certification_type
      and candidate.expires_at > since
      and candidate.expires_at < until
      and (chapter_id is null or candidate.chapter_ids && chapters)
      and not exists (
        select from public.peer_mentors as mentor where mentor.id = candidate.peer_mentor_id and mentor.erased_at is not null
      )
    order by candidate.id -- everybody locks in this order, so nobody waits in a circle
    for no key update
  )
  update public.peer_mentor_certifications as extended set expires_at = until
  from locked where extended.id = locked.id;
  if not found then
    raise exception using
      errcode = 'MC008',
      message = format('nothing of type %L would be extended to %s', extend_certifications.certification_type, last_valid_day),
      hint = 'Only what is valid now (or expired since the day given) and ends before that day is extended; look at type, day and chapter.',
      constraint = 'extension_not_empty';
  end if;
  perform private.set_change_context(null);
  return batch;
end
$$;
comment on function public.extend_certifications(text, date, text, uuid, date) is
  'Extends all certifications of a type (of a chapter and those under it) that end before a day, to that day; with expired_since also those that expired since then. Administrator only. Returns the batch, which revert_change takes back.';

revoke execute on function
  private.lock_certification(uuid), private.evidence(jsonb),
  private.expires_at_by_rule(public.peer_mentor_certifications, date, text),
  public.register_certification(uuid, text, date, date, text, jsonb),
  public.renew_certification(uuid, date, date, text, jsonb),
  public.suspend_certification(uuid, text), public.reinstate_certification(uuid, text),
  public.extend_certifications(text, date, text, uuid, date)
from public, anon, authenticated, service_role;
grant execute on function
  private.lock_certification(uuid), private.evidence(jsonb),
  private.expires_at_by_rule(public.peer_mentor_certifications, date, text),
  public.register_certification(uuid, text, date, date, text, jsonb),
  public.renew_certification(uuid, date, date, text, jsonb),
  public.suspend_certification(uuid, text), public.reinstate_certification(uuid, text),
  public.extend_certifications(text, date, text, uuid, date)
to authenticated, service_role;
