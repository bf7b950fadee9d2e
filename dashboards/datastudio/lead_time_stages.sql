-- Chart: where the lead time of pull requests goes, by service and ISO week or month.
select
    grain,
    service,
    period_start,
    stage,
    pull_requests,
    hours_median,
    hours_p90

from ${mart}.pull_request_stages
where stage in ('coding', 'pickup', 'review', 'deploy')
order by grain, service, period_start, position
