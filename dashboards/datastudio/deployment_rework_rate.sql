-- Chart: rework deployments / deployments, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    deployments,
    rework_deployments,
    deployment_rework_rate,
    deployment_rework_rate_low,
    deployment_rework_rate_high,
    is_partial

from ${mart}.four_keys_weekly
order by service, week_start
