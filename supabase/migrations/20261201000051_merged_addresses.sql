-- Where the page of a peer mentor is found who was merged into another row: links, bookmarks and the way back lead there.

create or replace function mentorcert_private.peer_mentor_merged_into(peer_mentor_id uuid)
returns table (organisation_id uuid, id uuid)
language plpgsql
stable
security definer -- a row that was merged is in nobody's reach; who reads the kept one learns which that is
set search_path = ''
as $$
begin
  return query
  select merged.organisation_id, mentorcert_private.kept_peer_mentor_id(merged.id)
  from mentorcert.peer_mentors as merged
  where
    merged.id = peer_mentor_merged_into.peer_mentor_id and merged.merged_into is not null
    and mentorcert_private.reads_peer_mentor(merged.id);
end
$$;
comment on function mentorcert_private.peer_mentor_merged_into(uuid) is
  'Which row stands for a peer mentor who was merged into it, for those who read that row; nothing for all others.';

revoke execute on function mentorcert_private.peer_mentor_merged_into from public, anon, authenticated, service_role;
grant execute on function mentorcert_private.peer_mentor_merged_into to authenticated;
