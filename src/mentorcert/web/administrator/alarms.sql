-- What every page of an administrator warns of.

-- name: portal_alarm()
select mode, removals, since from private.portal_alarm();
