-- Chart: change lead time in hours, median and 90th percentile over changes, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    changes,
    lead_time_hours_median,
    lead_time_hours_p90,
    is_partial

from ${mart}.four_keys_weekly
order by service, week_start
