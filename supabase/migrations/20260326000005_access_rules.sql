-- Who sees and changes which row: a policy for each command.

-- A client names no organisation: a new row belongs to the one the caller acts in.
alter table public.chapters alter column organisation_id set default public.get_user_organisation_id();
alter table public.memberships alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentors alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentor_chapters alter column organisation_id set default public.get_user_organisation_id();
alter table public.certification_types alter column organisation_id set default public.get_user_organisation_id();
alter table public.peer_mentor_certifications alter column organisation_id set default public.get_user_organisation_id();


drop policy if exists "members read their organisation" on public.organisations;
create policy "members read their organisation"
on public.organisations for select to authenticated
using (id = (select public.get_user_organisation_id()));
comment on policy "members read their organisation" on public.organisations is
  'Every role may know the organisation it acts in.';

drop policy if exists "administrators rename their organisation" on public.organisations;
create policy "administrators rename their organisation"
on public.organisations for update to authenticated
using (id = (select private.administered_organisation_id()))
with check (id = (select private.administered_organisation_id()));
comment on policy "administrators rename their organisation" on public.organisations is
  'The column grant leaves the name only.';

drop policy if exists "members read the chapters of their organisation" on public.chapters;
create policy "members read the chapters of their organisation"
on public.chapters for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the chapters of their organisation" on public.chapters is
  'Names of chapters are no secret within the organisation.';

drop policy if exists "members read the types of their organisation" on public.certification_types;
create policy "members read the types of their organisation"
on public.certification_types for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read the types of their organisation" on public.certification_types is
  'Everybody may know what can be certified.';

drop policy if exists "administrators add chapters to their organisation" on public.chapters;
create policy "administrators add chapters to their organisation"
on public.chapters for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add chapters to their organisation" on public.chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change chapters of their organisation" on public.chapters;
create policy "administrators change chapters of their organisation"
on public.chapters for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change chapters of their organisation" on public.chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "administrators add types to their organisation" on public.certification_types;
create policy "administrators add types to their organisation"
on public.certification_types for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add types to their organisation" on public.certification_types is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change types of their organisation" on public.certification_types;
create policy "administrators change types of their organisation"
on public.certification_types for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change types of their organisation" on public.certification_types is
  'What may be changed is said by the column grant.';

-- Two tables are read by the reach of the caller, and by index. The planner uses a condition of a policy for an index only if no
-- other policy comes before it, as a restrictive one does (or if nothing in it could leak, which it does not know of &&).
-- So there the reach itself is the restrictive policy, together with the switch, and what lets in at all is the organisation.

drop policy if exists "members read peer mentors of their organisation" on public.peer_mentors;
create policy "members read peer mentors of their organisation"
on public.peer_mentors for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read peer mentors of their organisation" on public.peer_mentors is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "peer mentors are within reach and switched on" on public.peer_mentors;
create policy "peer mentors are within reach and switched on"
on public.peer_mentors as restrictive to anon, authenticated
using (
  (select private.check_endpoint('peer_mentors'))
  and (
    organisation_id = (select private.administered_organisation_id())
    or chapter_ids && (select private.coordinated_chapter_ids())
    or id = any((select private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "peer mentors are within reach and switched on" on public.peer_mentors is
  'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

drop policy if exists "administrators add peer mentors to their organisation" on public.peer_mentors;
create policy "administrators add peer mentors to their organisation"
on public.peer_mentors for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add peer mentors to their organisation" on public.peer_mentors is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change peer mentors of their organisation" on public.peer_mentors;
create policy "administrators change peer mentors of their organisation"
on public.peer_mentors for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change peer mentors of their organisation" on public.peer_mentors is
  'What may be changed is said by the column grant.';

drop policy if exists "people read the chapters of peer mentors within their reach" on public.peer_mentor_chapters;
create policy "people read the chapters of peer mentors within their reach"
on public.peer_mentor_chapters for select to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or ended_at is null and chapter_id = any((select private.coordinated_chapter_ids())::uuid[])
  or peer_mentor_id = any((select private.own_peer_mentor_ids())::uuid[])
);
comment on policy "people read the chapters of peer mentors within their reach" on public.peer_mentor_chapters is
  'A coordinator sees who is in the own chapters now, not the other chapters of the same person.';

drop policy if exists "administrators put peer mentors into chapters" on public.peer_mentor_chapters;
create policy "administrators put peer mentors into chapters"
on public.peer_mentor_chapters for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators put peer mentors into chapters" on public.peer_mentor_chapters is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators take peer mentors out of chapters" on public.peer_mentor_chapters;
create policy "administrators take peer mentors out of chapters"
on public.peer_mentor_chapters for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators take peer mentors out of chapters" on public.peer_mentor_chapters is
  'What may be changed is said by the column grant.';

drop policy if exists "people read their own memberships" on public.memberships;
create policy "people read their own memberships"
on public.memberships for select to authenticated
using (user_id = (select auth.uid()) and organisation_id = (select public.get_user_organisation_id()));
comment on policy "people read their own memberships" on public.memberships is
  'Of the organisation the caller acts in.';

drop policy if exists "administrators read the memberships of their organisation" on public.memberships;
create policy "administrators read the memberships of their organisation"
on public.memberships for select to authenticated
using (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators read the memberships of their organisation" on public.memberships is
  'The administrator answers for who may do what.';

drop policy if exists "administrators add memberships to their organisation" on public.memberships;
create policy "administrators add memberships to their organisation"
on public.memberships for insert to authenticated
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators add memberships to their organisation" on public.memberships is
  'The organisation is filled in by default, never by the client.';

drop policy if exists "administrators change memberships of their organisation" on public.memberships;
create policy "administrators change memberships of their organisation"
on public.memberships for update to authenticated
using (organisation_id = (select private.administered_organisation_id()))
with check (organisation_id = (select private.administered_organisation_id()));
comment on policy "administrators change memberships of their organisation" on public.memberships is
  'What may be changed is said by the column grant.';

drop policy if exists "members read certifications of their organisation" on public.peer_mentor_certifications;
create policy "members read certifications of their organisation"
on public.peer_mentor_certifications for select to authenticated
using (organisation_id = (select public.get_user_organisation_id()));
comment on policy "members read certifications of their organisation" on public.peer_mentor_certifications is
  'Those within reach, as the restrictive policy says.';

drop policy if exists "certifications are within reach and switched on" on public.peer_mentor_certifications;
create policy "certifications are within reach and switched on"
on public.peer_mentor_certifications as restrictive to anon, authenticated
using (
  (select private.check_endpoint('certifications'))
  and (
    organisation_id = (select private.administered_organisation_id())
    or chapter_ids && (select private.coordinated_chapter_ids())
    or peer_mentor_id = any((select private.own_peer_mentor_ids())::uuid[])
  )
);
comment on policy "certifications are within reach and switched on" on public.peer_mentor_certifications is
  'Holds whatever else lets in. One condition, so that the planner can unite three indexes. Raises MC010 while the endpoint is off.';

drop policy if exists "coordinators and administrators register certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators register certifications"
on public.peer_mentor_certifications for insert to authenticated
with check (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators register certifications" on public.peer_mentor_certifications is
  'Of peer mentors in a coordinated chapter, or in the organisation.';

drop policy if exists "coordinators and administrators change certifications" on public.peer_mentor_certifications;
create policy "coordinators and administrators change certifications"
on public.peer_mentor_certifications for update to authenticated
using (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
)
with check (
  organisation_id = (select private.administered_organisation_id())
  or chapter_ids && (select private.coordinated_chapter_ids())
);
comment on policy "coordinators and administrators change certifications" on public.peer_mentor_certifications is
  'The trigger record_change says which change is whose.';

-- Endpoints that are switched off: the error of disabled_endpoints.

drop policy if exists "the endpoint organisations is switched on" on public.organisations;
create policy "the endpoint organisations is switched on"
on public.organisations as restrictive to anon, authenticated
using ((select private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on public.organisations is
  'Raises MC010 while it is off.';

drop policy if exists "the endpoint organisations is switched on" on public.chapters;
create policy "the endpoint organisations is switched on"
on public.chapters as restrictive to anon, authenticated
using ((select private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on public.chapters is
  'Raises MC010 while it is off.';

drop policy if exists "the endpoint organisations is switched on" on public.certification_types;
create policy "the endpoint organisations is switched on"
on public.certification_types as restrictive to anon, authenticated
using ((select private.check_endpoint('organisations')));
comment on policy "the endpoint organisations is switched on" on public.certification_types is
  'Raises MC010 while it is off.';

drop policy if exists "the endpoint memberships is switched on" on public.memberships;
create policy "the endpoint memberships is switched on"
on public.memberships as restrictive to anon, authenticated
using ((select private.check_endpoint('memberships')));
comment on policy "the endpoint memberships is switched on" on public.memberships is
  'Raises MC010 while it is off.';

drop policy if exists "the endpoint peer_mentors is switched on" on public.peer_mentor_chapters;
create policy "the endpoint peer_mentors is switched on"
on public.peer_mentor_chapters as restrictive to anon, authenticated
using ((select private.check_endpoint('peer_mentors')));
comment on policy "the endpoint peer_mentors is switched on" on public.peer_mentor_chapters is
  'Raises MC010 while it is off.';
