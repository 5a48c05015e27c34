-- Alerts: what stands, who sees to it, what could not be sent, and what is called while all is well.

-- name: standing()
select
  organisation.slug as organisation, alert.code, alert.what, alert.began_at, alert.acknowledged_at, alert.acknowledged_by,
  alert.acknowledged_reason
from mentorcert_portal.alerts as alert
left join mentorcert.organisations as organisation on organisation.id = alert.organisation_id
where alert.ended_at is null
order by alert.began_at, alert.code;

-- name: acknowledge(organisation, code, reason, acknowledged_by)
select mentorcert_portal.acknowledge_alert(
  (select organisation.id from mentorcert.organisations as organisation where organisation.slug = :organisation::text),
  :code::text, :reason::text, :acknowledged_by::text
);

-- name: unsent()
select organisation, code, why from mentorcert_portal.unsent_alerts();

-- name: heartbeat()
select url, changed_by, changed_at, called_at, error from mentorcert_portal.heartbeat_urls;

-- name: clear_heartbeat()!
delete from mentorcert_portal.heartbeat_urls;

-- name: set_heartbeat(url, changed_by)!
insert into mentorcert_portal.heartbeat_urls (url, changed_by, called_at) values (:url, :changed_by, now());
