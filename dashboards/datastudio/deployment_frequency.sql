-- Chart: deployments, and how many of them failed, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    deployments,
    failed_deployments,
    deployments_per_day,
    deployment_days,
    is_partial

from ${mart}.four_keys_weekly
order by service, week_start
