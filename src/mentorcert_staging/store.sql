-- name: create_tables#
create table if not exists hlf_peermentors (
  hlf_peermentorid text primary key,
  hlf_mentorcertid text unique,
  hlf_externalid text,
  hlf_organisation text,
  hlf_mentorversion integer,
  hlf_mentorepoch integer,
  hlf_status,
  hlf_listed integer,
  hlf_listeduntil text,
  hlf_effectiveat text,
  certifications text not null,
  createdon text not null,
  modifiedon text not null,
  versionnumber integer not null
);
create index if not exists hlf_peermentors_versionnumber on hlf_peermentors (versionnumber);
create index if not exists hlf_peermentors_hlf_externalid on hlf_peermentors (hlf_externalid);
create table if not exists deliveries (
  sequence integer primary key,
  route text not null,
  peer_mentor_id text not null,
  mentor_version integer,
  mentor_epoch integer,
  outcome text not null,
  message_id text,
  recorded_at text not null
);
create index if not exists deliveries_peer_mentor_id on deliveries (peer_mentor_id);

-- name: columns()
select name from pragma_table_info('hlf_peermentors');

-- name: add_epoch#
alter table hlf_peermentors add column hlf_mentorepoch integer;
alter table deliveries add column mentor_epoch integer;

-- name: by_key(key)^
select * from hlf_peermentors where hlf_mentorcertid = :key;

-- name: by_id(id)^
select * from hlf_peermentors where hlf_peermentorid = :id;

-- name: by_external_id(external_id)^
select * from hlf_peermentors where hlf_externalid = :external_id order by rowid limit 1;

-- name: rows_after(after)
select rowid, * from hlf_peermentors where rowid > :after order by rowid;

-- name: public_list(now)
select * from hlf_peermentors
where hlf_listed and (hlf_listeduntil is null or hlf_listeduntil > :now)
order by hlf_externalid, hlf_peermentorid;

-- name: next_versionnumber()^
select coalesce(max(versionnumber), 0) + 1 as next from hlf_peermentors;

-- name: save(hlf_peermentorid, hlf_mentorcertid, hlf_externalid, hlf_organisation, hlf_mentorversion, hlf_mentorepoch, hlf_status, hlf_listed, hlf_listeduntil, hlf_effectiveat, certifications, createdon, modifiedon, versionnumber)!
insert into hlf_peermentors (
  hlf_peermentorid, hlf_mentorcertid, hlf_externalid, hlf_organisation, hlf_mentorversion, hlf_mentorepoch, hlf_status,
  hlf_listed, hlf_listeduntil, hlf_effectiveat, certifications, createdon, modifiedon, versionnumber
)
values (
  :hlf_peermentorid, :hlf_mentorcertid, :hlf_externalid, :hlf_organisation, :hlf_mentorversion, :hlf_mentorepoch, :hlf_status,
  :hlf_listed, :hlf_listeduntil, :hlf_effectiveat, :certifications, :createdon, :modifiedon, :versionnumber
)
on conflict (hlf_peermentorid) do update set
  hlf_mentorcertid = excluded.hlf_mentorcertid,
  hlf_externalid = excluded.hlf_externalid,
  hlf_organisation = excluded.hlf_organisation,
  hlf_mentorversion = excluded.hlf_mentorversion,
  hlf_mentorepoch = excluded.hlf_mentorepoch,
  hlf_status = excluded.hlf_status,
  hlf_listed = excluded.hlf_listed,
  hlf_listeduntil = excluded.hlf_listeduntil,
  hlf_effectiveat = excluded.hlf_effectiveat,
  certifications = excluded.certifications,
  modifiedon = excluded.modifiedon,
  versionnumber = excluded.versionnumber;

-- name: delete(id)!
delete from hlf_peermentors where hlf_peermentorid = :id;

-- name: record(route, peer_mentor_id, mentor_version, mentor_epoch, outcome, message_id, recorded_at)!
insert into deliveries (route, peer_mentor_id, mentor_version, mentor_epoch, outcome, message_id, recorded_at)
values (:route, :peer_mentor_id, :mentor_version, :mentor_epoch, :outcome, :message_id, :recorded_at);

-- name: deliveries(peer_mentor_id)
select sequence, route, peer_mentor_id, mentor_version, mentor_epoch, outcome, message_id, recorded_at
from deliveries
where :peer_mentor_id is null or peer_mentor_id = :peer_mentor_id
order by sequence;
