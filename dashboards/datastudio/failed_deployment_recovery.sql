-- Chart: recovery of failed deployments and restoration of incidents in hours, medians, by service and ISO week.
select
    service,
    owner,
    period_start as week_start,
    recovered_failures,
    failed_deployment_recovery_hours_median,
    restored_incidents,
    time_to_restore_hours_median,
    is_partial

from ${mart}.four_keys_weekly
order by service, week_start
