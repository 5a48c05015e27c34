-- What peer mentors can talk about, and in which languages.

-- name: of_organisation()
select topic.id, topic.organisation_id, topic.kind, topic.name_nb, topic.name_en, topic.is_offered, topic.version
from public.organisation_topics() as topic;

-- name: save(topic_id, kind, name_nb, name_en, is_offered, version)
select public.save_organisation_topic(
  :topic_id::uuid, :kind::text, :name_nb::text, :name_en::text, :is_offered::boolean, :version::bigint
);

-- name: chosen(peer_mentor_id)
select public.peer_mentor_topics(:peer_mentor_id::uuid);

-- name: choose(peer_mentor_id, topic_ids)
select public.set_peer_mentor_topics(:peer_mentor_id::uuid, :topic_ids::uuid[]);
