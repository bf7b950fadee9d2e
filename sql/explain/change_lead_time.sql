-- Non-merge commits that a deployment of these days contains for the first time: deployed minus authored, in hours.
-- Not counted: the first deployment seen (baseline), what follows an unknown commit (base_unknown), and commits that are
-- dated after their deployment (clock_skew).
select
    if(quality = 'ok', 'yes', concat('no: ', quality)) as counted,
    substr(sha, 1, 10) as sha,
    repository,
    pull_request,
    deployment_id,
    lead_time_hours,
    started_at as committed_at,
    deployed_at

from ${mart}.int_changes
where
    service = ?
    and environment = '${environment}'
    and deployed_date >= ?
    and deployed_date < ?
order by quality != 'ok', lead_time_hours, sha
