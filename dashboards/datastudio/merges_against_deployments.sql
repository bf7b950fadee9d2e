-- Chart: merged pull requests beside deployments, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    merged_pull_requests,
    deployments,
    undeployed_pull_requests,
    is_partial

from ${mart}.merges_and_deployments
order by service, week_start
