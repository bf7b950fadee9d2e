-- Chart: failed deployments / deployments, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    deployments,
    failed_deployments,
    change_failure_rate,
    change_failure_rate_low,
    change_failure_rate_high,
    is_partial

from ${mart}.four_keys_weekly
order by service, week_start
