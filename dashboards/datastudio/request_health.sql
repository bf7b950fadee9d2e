-- Chart: failed requests / requests, by service and day.
select
    service,
    owner,
    day as date,
    requests,
    errors as failed_requests,
    failure_rate as failed_request_rate

from ${mart}.request_health_daily
order by service, date
